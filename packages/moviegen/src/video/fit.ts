// A video at the size, rate and length that a model takes: resized to cover, cut to its centre, its rate resampled, frame by
// frame. Not here: how a picture is resized (resample.ts).

import { InputError } from '../errors.ts';
import { type Frames, framesBetween, piecesOf, type Video, type VideoStream } from './frames.ts';
import { type ResampleFilter, resampled } from './resample.ts';

/** What a video is fitted to. */
export interface FitOptions {
  /** Its name in messages. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Frames per second. Default: the video's own. */
  readonly fps?: number | undefined;
  /** The first frames that are taken. Default: all. */
  readonly numFrames?: number | undefined;
  /** Default `bicubic`. */
  readonly filter?: ResampleFilter | undefined;
}

/** How many frames a video has at another rate. */
export const framesAt = ({ shape, fps: own }: Video | VideoStream, fps = own): number =>
  Math.max(1, Math.round((shape[0] * fps) / own));

/** The video fitted, with one line more among its notes where that has changed anything. It is gone through once. */
export function fitted(video: Video | VideoStream, options: FitOptions): VideoStream {
  const { name, width, height, fps = video.fps, filter = 'bicubic' } = options;
  const [T, H, W] = video.shape;
  const there = framesAt(video, fps);
  const count = options.numFrames ?? there;
  if (count > there)
    throw new InputError(
      `${name}: it has ${there} frames at ${rounded(fps)} a second, but ${count} are needed`,
    );
  const changes = [
    ...(H === height && W === width ? [] : [`${W}x${H} resized and cut to ${width}x${height}`]),
    ...(fps === video.fps || (T === 1 && count === 1)
      ? []
      : [`${rounded(video.fps)} frames a second resampled to ${rounded(fps)}`]),
    ...(count === there ? [] : [`the first ${count} of ${there} frames taken`]),
  ];
  const notes = 'notes' in video ? (video.notes ?? []) : [];
  return {
    shape: [count, height, width, 3],
    fps,
    notes: changes.length === 0 ? notes : [...notes, `${name}: ${changes.join(', ')}`],
    async *[Symbol.asyncIterator]() {
      let [read, given] = [0, 0]; // frames of the source, and of the result
      const sourceOf = (j: number) => Math.min(T - 1, Math.floor((j * video.fps) / fps + 1e-6));
      let last: Frames | undefined;
      for await (const piece of piecesOf(video)) {
        for (let k = 0; k < piece.shape[0]; k++, read++) {
          if (given < count && sourceOf(given) !== read) continue;
          last = covering(framesBetween(piece, k, k + 1), height, width, filter);
          for (; given < count && sourceOf(given) === read; given++) yield last;
          if (given === count) return;
        }
      }
      // A file may hold fewer frames than it says: the last one stays.
      for (; last !== undefined && given < count; given++) yield last;
    },
  };
}

/** Frames resized until they cover a size, and cut to their centre. */
function covering(frames: Frames, height: number, width: number, filter: ResampleFilter): Frames {
  const [T, H, W] = frames.shape;
  if (H === height && W === width) return frames;
  const scale = Math.max(height / H, width / W);
  const [h, w] = [Math.max(height, Math.round(H * scale)), Math.max(width, Math.round(W * scale))];
  const whole = resampled(frames, h, w, filter);
  if (h === height && w === width) return whole;
  const [top, left] = [(h - height) >> 1, (w - width) >> 1];
  const data = new Uint8Array(T * height * width * 3);
  for (let t = 0; t < T; t++)
    for (let y = 0; y < height; y++) {
      const from = ((t * h + top + y) * w + left) * 3;
      data.set(whole.data.subarray(from, from + width * 3), (t * height + y) * width * 3);
    }
  return { data, shape: [T, height, width, 3] };
}

const rounded = (fps: number): number => Math.round(fps * 100) / 100;
