// Videos to latents and back through the autoencoder, tile by tile and piece by piece: neither the device nor the host holds
// more than a tile's frames, however long the video is.

import type { TileOptions } from '@moviegen/tae';
import { orAborted, randn, Tensor } from '@moviegen/tensor';
import type { Known } from '../arguments.ts';
import { InputError, shown } from '../errors.ts';
import {
  type FrameSource,
  type Frames,
  framesBetween,
  framesFromPixels,
  piecesOf,
  pixelsFromFrames,
} from '../video/frames.ts';
import type { VideoAutoencoder } from './family.ts';
import { checkLatents, joinLatents, type Latents, readLatents, uploadLatents } from './latents.ts';

/** Streams of noise, as in reference/moviegen_reference/philox.py: 0 is for initial latents, 1 for samples of the posterior. */
const POSTERIOR_STREAM = [1, 0] as const;
/** Frames that are uploaded together: at most this many, and at most this many bytes unless one frame is larger. */
const PIECE = 8;
const PIECE_BYTES = 2 ** 26;

/** Options of `encode` of pipelines and autoencoders. */
export interface EncodeOptions {
  /** Sample the latents' distribution with this seed, instead of taking its mode. */
  readonly sampleSeed?: number | bigint;
  /** Sizes of tiles. */
  readonly tiles?: TileOptions;
  readonly signal?: AbortSignal;
  /** Called with the number of frames taken so far; a promise that it returns is awaited. */
  readonly onProgress?: (frames: number) => void | Promise<void>;
}

/** Options of `decode` of pipelines and autoencoders. */
export interface DecodeOptions {
  /** Frames, within 8T-7 .. 8T; the default is 8T. */
  readonly numFrames?: number;
  /** Sizes of tiles. */
  readonly tiles?: TileOptions;
  readonly signal?: AbortSignal;
  /** A promise that it returns is awaited. */
  readonly onProgress?: (frames: number, totalFrames: number) => void | Promise<void>;
}

/** All of them. */
export const ENCODE_OPTIONS: Known<EncodeOptions> = {
  ...{ sampleSeed: true, tiles: true, signal: true, onProgress: true },
};
/** All of them. */
export const DECODE_OPTIONS: Known<DecodeOptions> = {
  ...{ numFrames: true, tiles: true, signal: true, onProgress: true },
};

/** Options of {@link encodeFrames}. */
export interface EncodeFramesOptions {
  /** Samples the latents' distribution, instead of taking its mode. */
  readonly seed?: bigint | undefined;
  readonly tiles?: TileOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of frames read so far. */
  readonly onProgress?: ((frames: number) => void | Promise<void>) | undefined;
}

/**
 * Latents of frames, which may come in pieces: the most likely ones, or a sample of their distribution.
 * @throws InputError if there are no frames, or if their size cannot be encoded.
 */
export async function encodeFrames(
  autoencoder: VideoAutoencoder,
  video: FrameSource,
  { onProgress, ...options }: EncodeFramesOptions,
): Promise<Latents> {
  return encodePieces(autoencoder, uploaded(autoencoder, video, onProgress), options);
}

/** The same of pixels that are on the device already, in pieces [1, 3, n, H, W] in [-1, 1], which stay the caller's. */
export async function encodePieces(
  autoencoder: VideoAutoencoder,
  video: AsyncIterable<Tensor>,
  { seed, tiles, signal }: Omit<EncodeFramesOptions, 'onProgress'>,
): Promise<Latents> {
  const { device } = autoencoder;
  const posteriors = autoencoder.encodeTiled(video, tiles);
  const parts: Latents[] = [];
  try {
    for (let start = 0; ; ) {
      const { value: posterior, done } = await nextOf(posteriors, signal);
      if (done) break;
      const { mean, logvar } = posterior;
      const owned = [mean, logvar];
      try {
        if (seed === undefined) owned.push(posterior.mode());
        else {
          const noise = randn(device, mean.shape, { seed, stream: POSTERIOR_STREAM, start });
          owned.push(noise, posterior.sample(noise));
        }
        parts.push((await orAborted(readLatents(owned.at(-1)!), signal))[0]!);
        start += mean.size;
      } finally {
        for (const tensor of owned) tensor.dispose();
      }
    }
    if (parts.length === 0) throw new InputError('encode: the video has no frames');
    return joinLatents(parts);
  } finally {
    void posteriors.return(undefined).catch(ignore);
  }
}

/** Frames on the device, some at a time: [1, 3, n, H, W] in [-1, 1]. */
async function* uploaded(
  { device, factor }: VideoAutoencoder,
  video: FrameSource,
  onProgress: EncodeFramesOptions['onProgress'],
): AsyncGenerator<Tensor> {
  let size: readonly [number, number] | undefined;
  let count = 0;
  for await (const frames of piecesOf(video)) {
    const [T, H, W] = frames.shape;
    size ??= [H, W];
    if (H % factor !== 0 || W % factor !== 0)
      throw new InputError(
        `encode: width and height must be multiples of ${factor}, got ${W}x${H}; pad or crop the video`,
      );
    if (H !== size[0] || W !== size[1])
      throw new InputError(
        `encode: frame ${count} is ${W}x${H}, those before it are ${size[1]}x${size[0]}; give frames of one size`,
      );
    const most = Math.max(1, Math.min(PIECE, Math.floor(PIECE_BYTES / (3 * 4 * H * W))));
    for (let start = 0; start < T; start += most) {
      const piece = framesBetween(frames, start, Math.min(start + most, T));
      const pixels = Tensor.from(device, pixelsFromFrames(piece), [1, 3, piece.shape[0], H, W]);
      try {
        yield pixels;
      } finally {
        pixels.dispose();
      }
      count += piece.shape[0];
      await onProgress?.(count);
    }
  }
}

/** Options of {@link decodeFrames}. */
export interface DecodeFramesOptions {
  readonly numFrames: number;
  readonly tiles?: TileOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((frames: number, totalFrames: number) => void | Promise<void>) | undefined;
}

/** Frames of latents, in pieces, each as soon as no later tile contributes to it. */
export async function* decodeFrames(
  autoencoder: VideoAutoencoder,
  latents: Latents,
  { numFrames, tiles, signal, onProgress }: DecodeFramesOptions,
): AsyncGenerator<Frames, void> {
  const { device } = autoencoder;
  const parts = {
    shape: [1, ...latents.shape],
    part: (start: number, end: number) => uploadLatents(latents, device, start, end),
  };
  const pieces = autoencoder.decodeTiled(parts, { ...tiles, numFrames, signal });
  let done = 0;
  try {
    for (;;) {
      const next = await nextOf(pieces, signal);
      if (next.done) return;
      const [, , T, H, W] = next.value.shape as [number, number, number, number, number];
      const pixels = next.value.read() as Promise<Float32Array>;
      next.value.dispose();
      const frames = framesFromPixels(await orAborted(pixels, signal), [T, H, W]);
      done += T;
      await onProgress?.(done, numFrames);
      yield frames;
    }
  } finally {
    void pieces.return(undefined).catch(ignore);
    device.trim();
  }
}

/** The number of frames that latents are decoded to. @throws InputError if they are not this autoencoder's. */
export function frameCount(
  { latentChannels, frames }: VideoAutoencoder,
  latents: Latents,
  asked: number | undefined,
): number {
  checkLatents('decode', latents);
  const { shape } = latents;
  const [C, T] = shape;
  if (C !== latentChannels)
    throw new InputError(`decode: latents must have ${latentChannels} channels, got [${shape.join(', ')}]`);
  const { least, most } = frames(T);
  const count = asked ?? most;
  if (Number.isInteger(count) && least <= count && count <= most) return count;
  const range = least === most ? `${most}` : `${least} to ${most}`;
  throw new InputError(`decode: these latents hold ${range} frames, got numFrames ${shown(count)}`);
}

type Tile = Tensor | { readonly mean: Tensor; readonly logvar: Tensor };

/** The next tile of a generator. If the signal aborts first, the tile is released when it comes. */
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

/** For errors that have been reported already. */
const ignore = (): void => {};
