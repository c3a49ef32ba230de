// A video on the host as 8-bit RGB, as a whole or as a stream, and its conversion from and to the autoencoder's numbers in
// [-1, 1]. Not here: files (decode.ts, encode.ts).

import { sizeOf } from '@moviegen/kernels';
import { isObject, isShape } from '../arguments.ts';
import { InputError, shown } from '../errors.ts';

/** Frames of a video, 8-bit RGB. */
export interface Frames {
  /** Row-major [T, H, W, 3]. */
  readonly data: Uint8Array<ArrayBuffer>;
  readonly shape: readonly [frames: number, height: number, width: number, channels: 3];
}

/** Frames with the rate at which they are shown. */
export interface Video extends Frames {
  /** Frames per second. */
  readonly fps: number;
}

/** A video whose frames come in pieces while they are read or made. It is gone through once and never held as a whole. */
export interface VideoStream extends AsyncIterable<Frames> {
  /** The shape of the whole video. */
  readonly shape: Frames['shape'];
  /** Frames per second. */
  readonly fps: number;
  /** What a person should know of how it was read, a line each: frames that were repeated, left out or are missing. */
  readonly notes?: readonly string[];
}

/** Frames as a whole, or in pieces of the same height and width and of any lengths. */
export type FrameSource = Frames | Iterable<Frames> | AsyncIterable<Frames>;

/** The pieces of a source of frames. @throws InputError where it gives something else. */
export async function* piecesOf(source: FrameSource): AsyncGenerator<Frames> {
  if (isWhole(source)) yield checkFrames(source);
  else for await (const piece of source) yield checkFrames(piece);
}

/** Whether frames come as a whole. @throws InputError where a source is neither frames nor a stream of them. */
export function isWhole(source: FrameSource): source is Frames {
  if (isObject(source) && 'data' in source) return true;
  if (isObject(source) && (Symbol.asyncIterator in source || Symbol.iterator in source)) return false;
  throw new InputError(
    `video: expected frames { data, shape: [frames, height, width, 3] }, or a stream of them, got ${shown(source)}`,
  );
}

/** Frames as they are. @throws InputError where they are not 8-bit RGB, or not as many as their shape says. */
export function checkFrames(frames: Frames): Frames {
  const { data, shape } = isObject(frames) ? frames : ({} as Partial<Frames>);
  if (!isShape(shape, 4) || shape[3] !== 3)
    throw new InputError(
      `video: the shape of frames must be [frames, height, width, 3], got ${shown(shape)}`,
    );
  const size = sizeOf(shape);
  if (!ArrayBuffer.isView(data) || data.BYTES_PER_ELEMENT !== 1 || data.length !== size)
    throw new InputError(
      `video: frames of [${shape.join(', ')}] must be a Uint8Array of ${size} values, got ${kindOf(data)}`,
    );
  return frames;
}

/** @throws InputError where the rate of a video is not a number above 0. */
export function checkFps({ fps }: { readonly fps: number }): void {
  if (!(fps > 0 && Number.isFinite(fps)))
    throw new InputError(`video: fps must be a number above 0, got ${shown(fps)}`);
}

/** @throws InputError where a file has more pixels than its reader allows. */
export function checkPixels(name: string, pixels: number, most = Number.POSITIVE_INFINITY): void {
  if (pixels > most)
    throw new InputError(
      `${name}: it has ${pixels} pixels, and at most ${most} are read here: make it smaller`,
    );
}

const kindOf = (data: unknown): string =>
  ArrayBuffer.isView(data) ? `${data.constructor.name} of ${(data as Uint8Array).length}` : shown(data);

/** Collects all frames of a stream in memory. */
export async function collectFrames(stream: VideoStream): Promise<Video> {
  const parts: Frames[] = [];
  for await (const piece of piecesOf(stream)) parts.push(piece);
  return { ...joinFrames(parts), fps: stream.fps };
}

/** Frames `start` to `end`, as a view. */
export function framesBetween({ data, shape: [, H, W] }: Frames, start: number, end: number): Frames {
  return { data: data.subarray(start * H * W * 3, end * H * W * 3), shape: [end - start, H, W, 3] };
}

/** Frames from the autoencoder's pixels. @param pixels [3, T, H, W] in [-1, 1]; values outside are clamped. */
export function framesFromPixels(pixels: Float32Array, [T, H, W]: readonly [number, number, number]): Frames {
  const plane = T * H * W;
  const data = new Uint8Array(plane * 3);
  for (let channel = 0; channel < 3; channel++)
    for (let i = 0; i < plane; i++) {
      const value = Math.min(1, Math.max(-1, pixels[channel * plane + i]!));
      data[i * 3 + channel] = Math.round((value + 1) * 127.5);
    }
  return { data, shape: [T, H, W, 3] };
}

/** The autoencoder's pixels of frames: [3, T, H, W] in [-1, 1]. */
export function pixelsFromFrames({ data, shape: [T, H, W] }: Frames): Float32Array<ArrayBuffer> {
  const plane = T * H * W;
  const pixels = new Float32Array(plane * 3);
  for (let channel = 0; channel < 3; channel++)
    for (let i = 0; i < plane; i++) pixels[channel * plane + i] = data[i * 3 + channel]! / 127.5 - 1;
  return pixels;
}

/** One frame, [H, W, 3], as a view. */
export function frameOf({ data, shape: [, H, W] }: Frames, index: number): Uint8Array<ArrayBuffer> {
  return data.subarray(index * H * W * 3, (index + 1) * H * W * 3);
}

/** Joins pieces of frames of the same size. @throws InputError where sizes differ. */
export function joinFrames(parts: readonly Frames[]): Frames {
  const [, H = 0, W = 0] = parts[0]?.shape ?? [];
  const T = parts.reduce((sum, { shape }) => sum + shape[0], 0);
  const data = new Uint8Array(T * H * W * 3);
  let at = 0;
  for (const part of parts) {
    if (part.shape[1] !== H || part.shape[2] !== W)
      throw new InputError(`frames: sizes differ: ${W}x${H} and ${part.shape[2]}x${part.shape[1]}`);
    data.set(part.data, at);
    at += part.data.length;
  }
  return { data, shape: [T, H, W, 3] };
}

/** RGB with an opaque fourth channel, as canvases and encoders take it. */
export function withAlpha(rgb: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray((rgb.length / 3) * 4);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    rgba[to] = rgb[from]!;
    rgba[to + 1] = rgb[from + 1]!;
    rgba[to + 2] = rgb[from + 2]!;
    rgba[to + 3] = 255;
  }
  return rgba;
}

/** RGBA without its fourth channel. */
export function withoutAlpha(rgba: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}
