// Measures one file: its index, and unless that alone refuses it, all of its frames. What is wrong with a file is a result, not an
// error.

import { readStored } from 'moviegen/node';
import type { FileInfo } from '../choose/candidate.ts';
import { refusedByIndex, type Thresholds } from '../choose/filters.ts';
import { type Clip, type ClipOptions, clipsOf, type Measures, measuresOf } from '../measures/clips.ts';
import { FilmMeter } from '../measures/filmMeter.ts';

/** What is known of a file. */
export interface MeasuredFile {
  readonly info?: FileInfo;
  readonly error?: string;
  /** Absent where the index alone refused the file: its frames were not read. */
  readonly film?: Measures;
  readonly clips?: readonly Clip[];
}

/** How a file is to be measured. */
export interface MeasureOptions {
  readonly clips: ClipOptions;
  readonly limits: Thresholds;
}

/** Measures a file. @param onFrame is told of each frame and of how many there are @throws the signal's reason where it was aborted */
export async function measureFile(
  path: string,
  { clips, limits }: MeasureOptions,
  signal?: AbortSignal,
  onFrame: (frame: number, of: number) => void = () => {},
): Promise<MeasuredFile> {
  let info: FileInfo | undefined;
  try {
    const film = await readStored(path, { signal });
    try {
      const { width, height, end, starts } = film;
      const frames = starts.length;
      info = { duration: end, width, height, fps: Number((frames / end).toPrecision(7)), frames };
      if (refusedByIndex(info, limits)) return { info };
      const meter = new FilmMeter();
      for await (const { time, pixels, turned } of film.frames()) {
        meter.push(time, pixels, turned);
        onFrame(meter.frames, frames);
        if (meter.frames % 8 === 0) await new Promise((resume) => setImmediate(resume)); // signals and other files
      }
      if (meter.frames === 0) return { info, error: 'none of its frames can be decoded' };
      const measures = meter.finish(end);
      return { info, film: measuresOf(measures, clips.cut), clips: clipsOf(measures, clips) };
    } finally {
      film.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    const text = error instanceof Error ? error.message : String(error);
    return { ...(info && { info }), error: text.replace(`${path}: `, '').replace(/\s*\n\s*/g, ' ') };
  }
}
