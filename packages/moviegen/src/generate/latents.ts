// Latents of a video on the host: the result of sampling and the input of decoding.

import { sizeOf } from '@moviegen/kernels';
import { type Device, Tensor } from '@moviegen/tensor';
import { isObject, isShape } from '../arguments.ts';
import { InputError, shown } from '../errors.ts';

/** Latents of one video, in the transformer's space (shifted and scaled to about unit variance). */
export interface Latents {
  /** Row-major. */
  readonly data: Float32Array<ArrayBuffer>;
  readonly shape: readonly [channels: number, frames: number, height: number, width: number];
}

/** @throws InputError where a value is not latents. */
export function checkLatents(op: string, latents: unknown): asserts latents is Latents {
  const { data, shape } = isObject(latents) ? (latents as Partial<Latents>) : {};
  if (!isShape(shape, 4))
    throw new InputError(
      `${op}: latents must be { data, shape: [channels, frames, height, width] }, got ${shown(shape ?? latents)}`,
    );
  const size = sizeOf(shape);
  if (!ArrayBuffer.isView(data) || data.constructor.name !== 'Float32Array' || data.length !== size)
    throw new InputError(
      `${op}: latents of [${shape.join(', ')}] must be a Float32Array of ${size} values, got ${shown(data?.length)}`,
    );
}

/** Checks that numbers are latents: [C, T, H, W], or [1, C, T, H, W]. @throws InputError */
export function latentsFrom(
  data: Float32Array<ArrayBuffer>,
  shape: readonly number[],
  name = 'latents',
): Latents {
  if (!Array.isArray(shape)) throw new InputError(`${name}: the shape must be an array, got ${shown(shape)}`);
  const [C, T, H, W, ...more] = shape.length === 5 && shape[0] === 1 ? shape.slice(1) : shape;
  if (W === undefined || more.length > 0 || data?.length === 0)
    throw new InputError(`${name}: latents are [channels, frames, height, width], got ${shown(shape)}`);
  checkLatents(name, { data, shape: [C, T, H, W] });
  return { data, shape: [C!, T!, H!, W] };
}

/** The latents of each video of a batch, from the device. @param batch [B, C, T, H, W] */
export async function readLatents(batch: Tensor): Promise<Latents[]> {
  const [B = 0, ...shape] = batch.shape;
  const data = (await batch.read()) as Float32Array<ArrayBuffer>;
  const size = data.length / B;
  return Array.from({ length: B }, (_, b) => latentsFrom(data.slice(b * size, (b + 1) * size), shape));
}

/** Latent frames `start` up to `end`, exclusive, on a device: [1, C, n, H, W]. */
export function uploadLatents(latents: Latents, device: Device, start: number, end: number): Tensor {
  const { data, shape } = latentFrames(latents, start, end);
  return Tensor.from(device, data, [1, ...shape]);
}

/** Latent frames `start` up to `end`, exclusive. */
export function latentFrames({ data, shape }: Latents, start: number, end: number): Latents {
  const [C, T, H, W] = shape;
  const n = end - start;
  const part = new Float32Array(C * n * H * W);
  for (let c = 0; c < C; c++)
    part.set(data.subarray((c * T + start) * H * W, (c * T + end) * H * W), c * n * H * W);
  return { data: part, shape: [C, n, H, W] };
}

/** Joins the latents of a video's parts along time. */
export function joinLatents(parts: readonly Latents[]): Latents {
  const [C, , H, W] = parts[0]!.shape;
  const T = parts.reduce((sum, { shape }) => sum + shape[1], 0);
  const data = new Float32Array(C * T * H * W);
  let at = 0; // frames joined
  for (const { data: part, shape } of parts) {
    const size = shape[1] * H * W;
    for (let c = 0; c < C; c++) data.set(part.subarray(c * size, (c + 1) * size), (c * T + at) * H * W);
    at += shape[1];
  }
  return { data, shape: [C, T, H, W] };
}
