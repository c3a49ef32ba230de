// The files of a finished video: an mp4, a thumbnail and a sheet of frames, made while the frames arrive. Not here: how frames
// are made (engine.ts) and where files lie (store/).

import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePng, encodeVideoTo, type Frames, gridOf, type Video, type VideoStream } from 'moviegen';
import type { Claimed, VideoFiles } from '../jobs/rows.ts';
import type { Store } from '../store/store.ts';

/** The sheet has at most 5 x 5 frames, each at most this wide or high. */
const SHEET = { columns: 5, frames: 25, side: 320 };

/** Where the files of an attempt are stored. */
export const filesOf = ({ id, lease }: Claimed): VideoFiles => ({
  video: `${id}/${lease}.mp4`,
  thumbnail: `${id}/${lease}-thumbnail.png`,
  spritesheet: `${id}/${lease}-spritesheet.png`,
});

/**
 * Writes all files of a video into the store, or none.
 * @throws the signal's reason where aborted; what the disk or the store says where they are full
 */
export async function storeFiles(
  store: Store,
  job: Claimed,
  video: VideoStream,
  signal: AbortSignal,
): Promise<VideoFiles> {
  const files = filesOf(job);
  const path = join(store.scratch, `${randomUUID()}.mp4`);
  const { shape, fps } = video;
  const kept = new Set(evenly(shape[0], SHEET.frames));
  const middle = Math.floor(shape[0] / 2);
  const sheet: Video[] = [];
  let thumbnail: Uint8Array | undefined;
  async function* watched(): AsyncGenerator<Frames> {
    let k = 0;
    for await (const piece of video) {
      for (let i = 0; i < piece.shape[0]; i++, k++) {
        if (kept.has(k)) sheet.push({ ...shrunk(piece, i, SHEET.side), fps: 1 });
        if (k === middle) thumbnail = encodePng(piece, i);
      }
      yield piece;
    }
  }
  try {
    const file = await open(path, 'wx');
    try {
      const sink = { write: async (bytes: Uint8Array, position: number) => writeAll(file, bytes, position) };
      await encodeVideoTo(sink, { shape, fps, [Symbol.asyncIterator]: watched }, { format: 'mp4', signal });
    } finally {
      await file.close();
    }
    const [grid] = await framesOf(gridOf(sheet, { columns: SHEET.columns, gap: 0 }));
    await store.put(files.thumbnail, thumbnail!);
    await store.put(files.spritesheet, encodePng(grid!));
    await store.take(files.video, path);
    return files;
  } catch (error) {
    await rm(path, { force: true });
    await removeAttempt(store, job).catch(() => {}); // the clean-up finds what stays
    throw error;
  }
}

/** Removes what an attempt has stored. */
export const removeAttempt = (store: Store, { id, lease }: Claimed): Promise<void> =>
  store.remove(id, (name) => name.startsWith(lease));

/** Removes what earlier attempts have stored, whose workers died before they could tell of it. */
export const removeEarlier = (store: Store, { id }: Claimed): Promise<void> =>
  store.remove(id, (name) => !name.startsWith('input-'));

/** A PNG with all frames of a preview side by side. */
export function previewOf(frames: Frames): { readonly png: string; readonly frames: number } {
  const [count, height, width] = frames.shape;
  const data = new Uint8Array(frames.data.length);
  const row = width * 3;
  for (let k = 0; k < count; k++)
    for (let y = 0; y < height; y++) {
      const from = (k * height + y) * row;
      data.set(frames.data.subarray(from, from + row), (y * count + k) * row);
    }
  const strip: Frames = { data, shape: [1, height, width * count, 3] };
  return { png: Buffer.from(encodePng(strip)).toString('base64'), frames: count };
}

/** Up to `most` of the numbers 0 .. count - 1, evenly. */
const evenly = (count: number, most: number): number[] =>
  Array.from({ length: Math.min(count, most) }, (_, i) => Math.floor((i * count) / Math.min(count, most)));

/** One frame, shrunk by a whole factor until no side is longer than `side`: each pixel is the mean of a square. */
function shrunk({ data, shape: [, H, W] }: Frames, k: number, side: number): Frames {
  const factor = Math.max(1, Math.ceil(Math.max(H, W) / side));
  const [height, width] = [Math.max(1, Math.floor(H / factor)), Math.max(1, Math.floor(W / factor))];
  const small = new Uint8Array(height * width * 3);
  const square = Math.min(factor, H) * Math.min(factor, W);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let dy = 0; dy < factor && y * factor + dy < H; dy++)
          for (let dx = 0; dx < factor && x * factor + dx < W; dx++)
            sum += data[((k * H + y * factor + dy) * W + x * factor + dx) * 3 + c]!;
        small[(y * width + x) * 3 + c] = Math.round(sum / square);
      }
  return { data: small, shape: [1, height, width, 3] };
}

async function framesOf(stream: VideoStream): Promise<Frames[]> {
  const pieces: Frames[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

async function writeAll(
  file: Awaited<ReturnType<typeof open>>,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let at = 0; at < bytes.length; )
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
}
