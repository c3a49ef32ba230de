// Frames from files of videos and pictures, one after the other, at an even rate, as players show them. Not here: pictures
// (pictures.ts), which frames are shown when (timeline.ts), files of videos that are written (encode.ts).

import { encode as encodePixels } from 'fast-png';
import type { Source } from 'mediabunny';
import { checkOptions, isObject, type Known } from '../arguments.ts';
import { InputError, shown } from '../errors.ts';
import { TAKE_WHAT_IS_THERE } from './damaged.ts';
import { editEnd } from './editList.ts';
import { foreignKind, HEAD_BYTES, pictureKind } from './fileKind.ts';
import type { DecodeOptions, Film } from './film.ts';
import { checkFrames, collectFrames, type Frames, frameOf, type Video, type VideoStream } from './frames.ts';
import { openPicture } from './pictures.ts';
import { missingBytes } from './segment.ts';

export type { DecodeOptions } from './film.ts';

const OPTIONS: Known<DecodeOptions> = { name: true, allowPartial: true, maxPixels: true, signal: true };

/**
 * All frames of a video or picture file: mp4, mov, webm, mkv, ts, PNG, gif, JPEG, WebP, AVIF and whatever else mediabunny
 * and the codecs here read.
 * @throws InputError where it is none of them, or was cut short.
 */
export async function decodeVideo(
  bytes: Uint8Array<ArrayBuffer>,
  options: DecodeOptions = {},
): Promise<Video> {
  return collectFrames(await openVideo(bytes, options));
}

/**
 * Opens a video or picture file, whose frames are then decoded one by one as they are asked for, turned and flipped as the
 * file says, with square pixels, at an even rate. Going through them ends it.
 * @param file bytes, a `File` or `Blob`, of which only what is needed is read, or a source of mediabunny. A picture is
 *   decoded as a whole.
 * @throws InputError where it is not a video, or was cut short; the stream throws it where frames cannot be decoded.
 */
export async function openVideo(
  file: Uint8Array<ArrayBuffer> | Blob | Source,
  options: DecodeOptions = {},
): Promise<VideoStream> {
  checkOptions('video', options, OPTIONS);
  const { name = 'video' } = options;
  if (!isObject(file))
    throw new InputError(
      `${name}: expected the bytes of a file, a Blob or a source of mediabunny, got ${shown(file)}; paths are for readVideo of moviegen/node`,
    );
  const readFilm = async (end?: number) => (await import('./readFilm.ts')).readFilm(file, options, end);
  if (!(file instanceof Blob || ArrayBuffer.isView(file))) return readFilm(); // a source of mediabunny
  const blob = file instanceof Blob ? file : new Blob([file]);
  if (blob.size === 0) throw new InputError(`${name}: the file is empty: get it again`);
  const head = new Uint8Array(await blob.slice(0, HEAD_BYTES).arrayBuffer());
  const kind = pictureKind(head);
  if (kind !== undefined)
    return openPicture(new Uint8Array(await blob.arrayBuffer()), kind, name, options.maxPixels);
  checkKnown(head, name);
  const cut = await cutShort(blob, options);
  const stream = await readFilm(await editEnd(blob));
  return cut === undefined ? stream : { ...stream, notes: [cut, ...(stream.notes ?? [])] };
}

/** A line on a file that says that it is longer. @throws InputError unless what is there is to be taken */
async function cutShort(
  file: Blob,
  { name = 'video', allowPartial }: DecodeOptions,
): Promise<string | undefined> {
  const missing = await missingBytes(file);
  if (missing === 0) return undefined;
  const line = `${name}: its last ${missing} bytes are missing: the file was cut short`;
  if (allowPartial) return line;
  throw new InputError(`${line}; ${TAKE_WHAT_IS_THERE}`);
}

/**
 * Opens a film to have its frames as they are stored, when the file shows them: for measures.
 * @throws InputError where it is not a film that can be read here, or was cut short.
 */
export async function openStored(file: Blob, options: DecodeOptions = {}): Promise<Film> {
  const { name = 'video' } = options;
  if (file.size === 0) throw new InputError(`${name}: the file is empty: get it again`);
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const kind = pictureKind(head);
  if (kind !== undefined) throw new InputError(`${name}: this is a ${kind} picture, not a video`);
  checkKnown(head, name);
  await cutShort(file, options);
  const { openFilm } = await import('./film.ts');
  return openFilm(file, options, await editEnd(file));
}

/** @throws InputError where a file's bytes say that it is something else. */
function checkKnown(head: Uint8Array, name: string): void {
  const foreign = foreignKind(head);
  if (foreign !== undefined)
    throw new InputError(
      `${name}: this is ${foreign}; what is read is mp4, mov, webm, mkv, ts, and PNG, gif, JPEG, WebP, AVIF pictures: ` +
        `convert it first, for example with ffmpeg -i FILE VIDEO.mp4`,
    );
}

/** A frame as a PNG file. */
export function encodePng(frames: Frames, index = 0): Uint8Array<ArrayBuffer> {
  const [count, height, width] = checkFrames(frames).shape;
  if (!(Number.isSafeInteger(index) && index >= 0 && index < count))
    throw new InputError(`video: there is no frame ${shown(index)}: there are ${count}`);
  return new Uint8Array(encodePixels({ width, height, data: frameOf(frames, index), channels: 3, depth: 8 }));
}
