// Measures the files of a folder that the journal does not know, several at a time. Not here: one file (measureFile.ts), threads
// (measurers.ts).

import { availableParallelism } from 'node:os';
import { dirname, relative, resolve, sep } from 'node:path';
import { refusedByIndex } from '../choose/filters.ts';
import type { Journal } from './journal.ts';
import type { MeasuredFile } from './measureFile.ts';
import { CAN_THREAD, here, inThread } from './measurers.ts';
import type { CurateOptions } from './options.ts';
import type { FoundFile } from './videoFiles.ts';

/** Counts up when measures change: files are then read anew. */
const VERSION = 1;

/** The path of a file from the folder of the manifest, with slashes. */
export const nameFrom = (output: string, path: string): string =>
  relative(dirname(resolve(output)), resolve(path))
    .split(sep)
    .join('/');

/** Measures the files that the journal does not know, several at a time. */
export async function measureAll(
  files: readonly FoundFile[],
  journal: Journal,
  { output, clips, limits, jobs = availableParallelism(), signal, onProgress }: CurateOptions,
): Promise<{ measured: MeasuredFile[]; known: number; frames: number; seconds: number }> {
  const keys = files.map(({ path, bytes, changed }) =>
    JSON.stringify(['measures', VERSION, nameFrom(output, path), bytes, changed, clips]),
  );
  const measured = keys.map((key) => journal.get<MeasuredFile>(key));
  const enough = ({ info, film, error }: MeasuredFile) =>
    error !== undefined || film !== undefined || (info !== undefined && refusedByIndex(info, limits));
  const open = files.flatMap((file, i) => {
    const found = measured[i];
    return found !== undefined && enough(found) ? [] : [{ file, i }];
  });
  const known = files.length - open.length;
  const total = open.reduce((sum, { file }) => sum + file.bytes, 0);
  const began = performance.now();
  let [done, frames] = [0, 0];
  const running = new Map<number, number>();
  const tell = () => {
    const parts = [...running.values()].reduce((sum, part) => sum + part, 0);
    onProgress?.({ phase: 'measure', done: done + parts, total });
  };
  const threads = Math.min(jobs, open.length);
  const queue = [...open];
  const options = { clips, limits };
  const work = async () => {
    const measurer = CAN_THREAD && threads > 1 ? inThread(options, signal) : here(options, signal);
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        signal.throwIfAborted();
        const { file, i } = next;
        const found = await measurer.measure(file.path, (frame, of) => {
          running.set(i, (file.bytes * frame) / of);
          tell();
        });
        await journal.put(keys[i]!, found);
        measured[i] = found;
        frames += found.film?.frames ?? 0;
        running.delete(i);
        done += file.bytes;
        tell();
      }
    } finally {
      queue.length = 0; // an error of one ends all
      await measurer.close();
    }
  };
  tell();
  const ended = await Promise.allSettled(Array.from({ length: threads }, work));
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const seconds = (performance.now() - began) / 1000;
  return { measured: measured as MeasuredFile[], known, frames, seconds };
}
