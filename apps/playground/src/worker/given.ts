// Pictures and videos that a person gives: read to be seen, and fitted to the size, rate and length of what is made.

import { collectFrames, fitted, openVideo, type Video, type VideoStream } from 'moviegen';
import type { Given, Source } from '../given.ts';
import { ProblemError, problemOf } from '../problem.ts';
import type { Settings } from '../settings.ts';

/** Pixels of a frame, or of all frames of a picture, that are read: what the memory of a page holds. */
const MOST_PIXELS = 1e8;
/** The longer side, the rate and the number of frames with which a file is seen. */
const SEEN = { side: 256, fps: 16, frames: 64 };

/** Reads a file. @throws ProblemError if it is neither a picture nor a video that can be read */
export async function openSource(file: File, signal: AbortSignal): Promise<Source> {
  const { name } = file;
  try {
    const stream = await openVideo(file, { name, maxPixels: MOST_PIXELS, signal });
    const [frames, height, width] = stream.shape;
    const scale = Math.min(1, SEEN.side / Math.max(height, width));
    const fps = Math.min(SEEN.fps, stream.fps);
    const seen = fitted(stream, {
      name,
      height: Math.max(1, Math.round(height * scale)),
      width: Math.max(1, Math.round(width * scale)),
      fps,
      numFrames: Math.min(SEEN.frames, framesAt(stream, fps)),
    });
    const still = frames === 1;
    const length = still ? '' : ` · ${frames} frames · ${(frames / stream.fps).toFixed(1)} s`;
    const notes = [`${width} × ${height}${length}`, ...(stream.notes ?? [])];
    return { name, file, video: await collectFrames(seen), still, width, height, notes };
  } catch (cause) {
    const { code, message } = problemOf(cause);
    throw code === 'wrong-input' ? new ProblemError('wrong-file', message, { cause }) : cause;
  }
}

/** What is given, to be used once. */
export async function opened(
  from: Given['from'],
  name: string,
  signal: AbortSignal,
): Promise<Video | VideoStream> {
  return from instanceof Blob ? openVideo(from, { name, maxPixels: MOST_PIXELS, signal }) : from;
}

/** A video at the size and rate of the result, and no longer; a picture stands still for all of it. */
export async function fittedTo(
  source: Video | VideoStream,
  { width, height, frames }: Settings,
  fps: number,
): Promise<{ readonly video: Video; readonly notes: readonly string[] }> {
  const still = source.shape[0] === 1;
  const numFrames = still ? 1 : Math.min(frames, framesAt(source, fps));
  const stream = fitted(still ? { ...source, fps } : source, {
    name: still ? 'image' : 'video',
    width,
    height,
    fps,
    numFrames,
  });
  const video = await collectFrames(stream);
  return { video: still ? repeated(video, frames) : video, notes: stream.notes ?? [] };
}

/** What is made larger as it was, enlarged plainly, to be seen beside a result. */
export async function enlarged(
  { from, name }: Pick<Given, 'from' | 'name'>,
  { shape: [numFrames, height, width], fps }: Video,
  signal: AbortSignal,
): Promise<Video> {
  const small = await opened(from, name, signal);
  return collectFrames(fitted(small, { name: 'video', width, height, fps, numFrames }));
}

/** How many frames there are at another rate. */
export const framesAt = ({ shape: [frames], fps: own }: Video | VideoStream, fps: number): number =>
  Math.max(1, Math.round((frames * fps) / own));

/** A frame, again and again. */
function repeated({ data, shape: [, height, width], fps }: Video, frames: number): Video {
  const all = new Uint8Array(frames * data.length);
  for (let k = 0; k < frames; k++) all.set(data, k * data.length);
  return { data: all, shape: [frames, height, width, 3], fps };
}
