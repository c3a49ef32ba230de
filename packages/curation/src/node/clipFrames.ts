// The pictures of a clip: some of them evenly over the clip, for embeddings and captions, or all of them at a rate, for export.

import { type Frames, resizeToCover } from 'moviegen';
import { readStored } from 'moviegen/node';

/** A part of a file. */
export interface Part {
  readonly path: string;
  /** In seconds. */
  readonly start: number;
  readonly end: number;
}

/** Frames as they are shown at the middles of equal parts of a clip. */
export async function someFrames(
  { path, start, end }: Part,
  count: number,
  signal: AbortSignal,
): Promise<Frames[]> {
  const times = Array.from({ length: count }, (_, k) => start + ((k + 0.5) / count) * (end - start));
  const frames: Frames[] = [];
  for await (const frame of shownAt({ path, start, end }, times, signal)) frames.push(frame);
  return frames;
}

/** Frames at a rate, at a size. @returns how many come, and the stream */
export function framesAtRate(
  part: Part,
  { fps, height, width }: { readonly fps: number; readonly height: number; readonly width: number },
  signal: AbortSignal,
): { readonly count: number; readonly frames: AsyncIterable<Frames> } {
  const count = Math.max(1, Math.floor((part.end - part.start) * fps + 1e-6));
  const times = Array.from({ length: count }, (_, k) => part.start + k / fps);
  const frames = {
    async *[Symbol.asyncIterator]() {
      for await (const frame of shownAt(part, times, signal)) yield resizeToCover(frame, height, width);
    },
  };
  return { count, frames };
}

/** The frame that is shown at each of several times, in order. */
async function* shownAt(
  { path, start, end }: Part,
  times: readonly number[],
  signal: AbortSignal,
): AsyncGenerator<Frames> {
  const film = await readStored(path, { signal });
  try {
    let next = 0;
    let shown: { rgb(): Frames } | undefined;
    // A time that lies at the end of a frame, up to rounding, is the next frame's.
    const take = function* (until: number) {
      let frame: Frames | undefined;
      while (next < times.length && times[next]! < until - 1e-4) {
        if (shown === undefined) break;
        frame ??= shown.rgb();
        next++;
        yield frame;
      }
    };
    for await (const stored of film.frames(start, end)) {
      yield* take(stored.time);
      if (next === times.length) return;
      shown = {
        rgb: () => {
          const { data, height, width } = stored.rgb();
          return { data, shape: [1, height, width, 3] };
        },
      };
    }
    yield* take(Number.POSITIVE_INFINITY);
  } finally {
    film.close();
  }
}
