// Videos to latents and back through the autoencoder, tile by tile, in memory that does not grow with their length.

import type { TAE } from '@moviegen/tae';
import { concat, randn, Tensor } from '@moviegen/tensor';
import { orAborted } from './abort.ts';
import { InputError } from './errors.ts';
import { type Latents, readLatents } from './latents.ts';
import { type Frames, framesFromPixels, joinFrames, pixelsFromFrames } from './video/frames.ts';

/** Noise streams, as in reference/moviegen_reference/philox.py: 0 the initial latents, 1 the posterior's sample. */
const POSTERIOR_STREAM = [1, 0] as const;

/** Latents of frames: the most likely ones, or a sample of their distribution. @throws InputError */
export async function encodeFrames(
  tae: TAE,
  video: Frames,
  { seed, signal }: { readonly seed?: bigint | undefined; readonly signal?: AbortSignal | undefined },
): Promise<Latents> {
  const { device } = tae;
  const [frames, height, width] = video.shape;
  const pixels = Tensor.from(device, pixelsFromFrames(video), [1, 3, frames, height, width]);
  const owned = [pixels];
  const posteriors = tae.encodeTiled(pixels);
  try {
    const tiles: Tensor[] = [];
    for (let start = 0; ; ) {
      const { value: posterior, done } = await nextOf(posteriors, signal);
      if (done) break;
      const { mean, logvar } = posterior;
      owned.push(mean, logvar);
      const noise =
        seed === undefined ? undefined : randn(device, mean.shape, { seed, stream: POSTERIOR_STREAM, start });
      if (noise) owned.push(noise);
      const tile = noise ? posterior.sample(noise) : posterior.mode();
      owned.push(tile);
      tiles.push(tile);
      start += mean.size;
    }
    const whole = tiles.length === 1 ? tiles[0]! : concat(tiles, { axis: 2 }); // [1, C, T, H, W]
    owned.push(whole);
    return (await readLatents(whole))[0]!;
  } finally {
    void posteriors.return(undefined).catch(() => {});
    for (const tensor of owned) tensor.dispose();
  }
}

/** Options of {@link decodeFrames}. */
export interface DecodeFramesOptions {
  readonly numFrames: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((frames: number, totalFrames: number) => void) | undefined;
}

/** Frames of latents. @param latent [1, C, T, H, W] */
export async function decodeFrames(
  tae: TAE,
  latent: Tensor,
  { numFrames, signal, onProgress }: DecodeFramesOptions,
): Promise<Frames> {
  const parts: Frames[] = [];
  const tiles = tae.decodeTiled(latent, { numFrames });
  let done = 0;
  try {
    for (;;) {
      const next = await nextOf(tiles, signal);
      if (next.done) return joinFrames(parts);
      const [, , T, H, W] = next.value.shape as [number, number, number, number, number];
      const pixels = next.value.read() as Promise<Float32Array>;
      next.value.dispose();
      parts.push(framesFromPixels(await orAborted(pixels, signal), [T, H, W]));
      done += T;
      onProgress?.(done, numFrames);
    }
  } finally {
    void tiles.return(undefined).catch(() => {});
  }
}

/** The number of frames that latents of T frames are decoded to. @throws InputError */
export function frameCount({ factor, config }: TAE, T: number, asked: number | undefined): number {
  const most = T * (config.temporal ? factor : 1);
  const least = config.temporal ? most - factor + 1 : most;
  const count = asked ?? most;
  if (Number.isInteger(count) && least <= count && count <= most) return count;
  throw new InputError(`decode: these latents hold ${least} to ${most} frames, got numFrames ${count}`);
}

type Tile = Tensor | { readonly mean: Tensor; readonly logvar: Tensor };

/** What a generator of tiles gives next; where the caller gives up before, the tile is released when it comes. */
async function nextOf<T extends Tile>(
  tiles: AsyncGenerator<T>,
  signal: AbortSignal | undefined,
): Promise<IteratorResult<T, undefined>> {
  signal?.throwIfAborted();
  const next = tiles.next();
  try {
    return await orAborted(next, signal);
  } catch (error) {
    next.then(({ value, done }) => {
      if (!done)
        for (const tensor of value instanceof Tensor ? [value] : [value.mean, value.logvar]) tensor.dispose();
    }, ignore);
    throw error;
  }
}

/** What failed has been told already. */
const ignore = (): void => {};
