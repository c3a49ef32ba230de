// Latents of a video on the host: what sampling gives and decoding takes.

import type { Tensor } from '@moviegen/tensor';
import { InputError } from './errors.ts';

/** Latents of one video, in the transformer's space (shifted and scaled to about unit variance). */
export interface Latents {
  /** Row-major. */
  readonly data: Float32Array<ArrayBuffer>;
  readonly shape: readonly [channels: number, frames: number, height: number, width: number];
}

/** Checks that numbers are latents: [C, T, H, W], or [1, C, T, H, W]. @throws InputError */
export function latentsFrom(
  data: Float32Array<ArrayBuffer>,
  shape: readonly number[],
  name = 'latents',
): Latents {
  const [C, T, H, W, ...more] = shape.length === 5 && shape[0] === 1 ? shape.slice(1) : shape;
  if (W === undefined || more.length > 0 || data.length === 0)
    throw new InputError(`${name}: latents are [channels, frames, height, width], got [${shape.join(', ')}]`);
  return { data, shape: [C!, T!, H!, W] };
}

/** The latents of each video of a batch, from the device. @param batch [B, C, T, H, W] */
export async function readLatents(batch: Tensor): Promise<Latents[]> {
  const [B = 0, ...shape] = batch.shape;
  const data = (await batch.read()) as Float32Array<ArrayBuffer>;
  const size = data.length / B;
  return Array.from({ length: B }, (_, b) => latentsFrom(data.slice(b * size, (b + 1) * size), shape));
}
