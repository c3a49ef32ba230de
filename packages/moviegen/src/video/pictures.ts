// Frames from picture files, still or animated: PNG and gif are read here, the others by the browser or, in Node, by a
// library (platform.ts). A picture is turned as its file says; what is transparent is seen on black.

import { convertIndexedToRgb, decodeApng, decode as decodePixels } from 'fast-png';
import { decodePicture } from '#platform';
import type { Animation, AnimationFrame, PictureKind } from '../animation.ts';
import { InputError, shown } from '../errors.ts';
import { damaged } from './damaged.ts';
import { pictureKind } from './fileKind.ts';
import { checkPixels, type Frames, type VideoStream } from './frames.ts';
import { gifFrames } from './gif.ts';
import { exifOrientation, orientedAs } from './orient.ts';
import { timelineOf } from './timeline.ts';

/** What containers of pictures round times to, in seconds. */
const GIF_RESOLUTION = 0.01;
const TO_PNG = 'ffmpeg -i FILE PICTURE.png';

/** The picture or animation in a file. @throws InputError naming the file where it cannot be read. */
export async function openPicture(
  bytes: Uint8Array<ArrayBuffer>,
  kind: PictureKind,
  name: string,
  maxPixels?: number,
): Promise<VideoStream> {
  const seen = (transparent: boolean) => (transparent ? [`${name}: what is transparent in it is black`] : []);
  if (kind === 'PNG') checkPixels(name, pixelsOfPng(bytes), maxPixels);
  if (kind === 'PNG' && !isAnimated(bytes)) {
    const { frame, transparent } = pngFrame(bytes, name);
    return still(frame, seen(transparent));
  }
  const { frames, height, width } = await animation(bytes, kind, name, maxPixels);
  const alpha = seen(frames.some(({ data }) => isTransparent(data)));
  if (frames.length === 1)
    return still({ data: onBlack(frames[0]!.data), shape: [1, height, width, 3] }, alpha);
  const starts: number[] = [];
  let end = 0;
  for (const { seconds } of frames) {
    starts.push(end);
    end += seconds;
  }
  const timeline = timelineOf(starts, end, GIF_RESOLUTION);
  return {
    shape: [timeline.frames.length, height, width, 3],
    fps: timeline.fps,
    notes: [...(timeline.note === undefined ? [] : [`${name}: ${timeline.note}`]), ...alpha],
    async *[Symbol.asyncIterator]() {
      for (const k of timeline.frames)
        yield { data: onBlack(frames[k]!.data), shape: [1, height, width, 3] } as const;
    },
  };
}

async function animation(
  bytes: Uint8Array<ArrayBuffer>,
  kind: PictureKind,
  name: string,
  maxPixels: number | undefined,
): Promise<Animation> {
  try {
    if (kind === 'GIF') return gifFrames(bytes, maxPixels);
    if (kind === 'PNG') return apngFrames(bytes);
    return await decodePicture(bytes, kind, maxPixels);
  } catch (cause) {
    if (cause instanceof InputError) throw new InputError(`${name}: ${cause.message}`, { cause });
    throw damagedPicture(name, kind, cause);
  }
}

const damagedPicture = (name: string, kind: PictureKind, cause: unknown): InputError =>
  damaged(name, `${kind} picture`, cause, TO_PNG);

const still = (frame: Frames, notes: readonly string[]): VideoStream => ({
  shape: frame.shape,
  fps: 1,
  notes,
  async *[Symbol.asyncIterator]() {
    yield frame;
  },
});

/** A PNG file as one frame; of an animated one its first. @throws InputError where it is not a PNG. */
export function decodePng(bytes: Uint8Array, name = 'frame'): Frames {
  return pngFrame(bytes, name).frame;
}

/** The same, and whether any of it is transparent. */
function pngFrame(bytes: Uint8Array, name: string): { frame: Frames; transparent: boolean } {
  if (!ArrayBuffer.isView(bytes))
    throw new InputError(`${name}: expected the bytes of a PNG, got ${shown(bytes)}`);
  if (pictureKind(bytes) !== 'PNG')
    throw new InputError(`${name}: not a PNG picture: give one, or make one, for example with ${TO_PNG}`);
  let image: ReturnType<typeof decodePixels>;
  try {
    image = decodePixels(bytes, { checkCrc: true });
  } catch (cause) {
    throw damagedPicture(name, 'PNG', cause);
  }
  const { width, height, depth } = image;
  const data =
    image.palette !== undefined ? convertIndexedToRgb(image) : depth < 8 ? unpacked(image) : image.data;
  const rgba = rgbaOf(data, width * height, image.palette === undefined && depth === 16);
  const rgb = onBlack(rgba);
  const picture = orientedAs({ data: rgb, height, width }, exifOrientation(chunkOf(bytes, 'eXIf')));
  const frame: Frames = { data: picture.data, shape: [1, picture.height, picture.width, 3] };
  return { frame, transparent: isTransparent(rgba) };
}

/** Pixels of all frames of a PNG, as its first chunks say. */
function pixelsOfPng(bytes: Uint8Array): number {
  const numberIn = (type: string, at: number) => {
    const chunk = chunkOf(bytes, type);
    if (chunk === undefined || chunk.length < at + 4) return 1; // not a PNG, which the decoder says
    return new DataView(chunk.buffer, chunk.byteOffset).getUint32(at);
  };
  return numberIn('IHDR', 0) * numberIn('IHDR', 4) * numberIn('acTL', 0);
}

/** Gray, gray and alpha, RGB or RGBA as RGBA of 8 bits. */
function rgbaOf(data: ArrayLike<number>, pixels: number, wide: boolean): Uint8Array {
  const channels = data.length / pixels;
  const rgba = new Uint8Array(pixels * 4).fill(255);
  const byte = (at: number) => (wide ? data[at]! >> 8 : data[at]!);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const from = pixel * channels;
    for (let c = 0; c < 3; c++) rgba[pixel * 4 + c] = byte(from + (channels < 3 ? 0 : c));
    if (channels % 2 === 0) rgba[pixel * 4 + 3] = byte(from + channels - 1);
  }
  return rgba;
}

/** Greys of 1, 2 or 4 bits, whole rows of bytes, as bytes of the whole range. */
function unpacked({ width, height, depth, data }: ReturnType<typeof decodePixels>): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8);
  const most = 2 ** depth - 1;
  return Uint8Array.from({ length: width * height }, (_, pixel) => {
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    const byte = data[y * rowBytes + Math.floor((x * depth) / 8)]!;
    return (((byte >> (8 - depth - ((x * depth) % 8))) & most) * 255) / most;
  });
}

const isAnimated = (bytes: Uint8Array): boolean => chunkOf(bytes, 'acTL') !== undefined;

/** The content of the first chunk of a PNG that has this type, before or after its pixels. */
function chunkOf(bytes: Uint8Array, type: string): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (new TextDecoder('latin1').decode(bytes.subarray(at + 4, at + 8)) === type)
      return bytes.subarray(at + 8, at + 8 + length);
    at += 12 + length;
  }
  return undefined;
}

function apngFrames(bytes: Uint8Array): Animation {
  const { width, height, depth, frames } = decodeApng(bytes, { checkCrc: true });
  return {
    width,
    height,
    frames: frames.map(({ data, delayNumber, delayDenominator }): AnimationFrame => {
      const seconds = delayNumber / (delayDenominator || 100);
      return { data: rgbaOf(data, width * height, depth === 16), seconds: seconds < 0.02 ? 0.1 : seconds };
    }),
  };
}

/** Whether any pixel of RGBA lets what is behind it through. */
function isTransparent(rgba: ArrayLike<number>): boolean {
  for (let at = 3; at < rgba.length; at += 4) if (rgba[at]! < 255) return true;
  return false;
}

/** RGB of RGBA: what is transparent shows black behind it. */
export function onBlack(rgba: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3]! / 255;
    for (let c = 0; c < 3; c++)
      rgb[to + c] = alpha === 1 ? rgba[from + c]! : Math.round(rgba[from + c]! * alpha);
  }
  return rgb;
}
