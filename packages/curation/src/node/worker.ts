// A thread that measures files, one after the other: takes paths, tells of frames, gives what was measured.

import { parentPort } from 'node:worker_threads';
import type { MeasureOptions } from './measureFile.ts';
import { measureFile } from './measureFile.ts';

/** What a thread is told: to measure a file, or to stop. */
export type Task = { readonly path: string; readonly options: MeasureOptions } | 'stop';

const stop = new AbortController();
const port = parentPort!;
port.on('message', async (task: Task) => {
  if (task === 'stop') {
    stop.abort();
    port.close();
    return;
  }
  let told = 0;
  const onFrame = (frame: number, of: number) => {
    if (performance.now() - told < 250 && frame < of) return;
    told = performance.now();
    port.postMessage({ frame, of });
  };
  try {
    port.postMessage({ measured: await measureFile(task.path, task.options, stop.signal, onFrame) });
  } catch {
    // stopped
  }
});
