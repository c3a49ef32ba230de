// What measures files, several at a time: threads, or this thread itself where there is only one to be busy.

import { Worker } from 'node:worker_threads';
import { type MeasuredFile, type MeasureOptions, measureFile } from './measureFile.ts';
import type { Task } from './worker.ts';

/** Measures files one after the other. */
export interface Measurer {
  measure(path: string, onFrame: (frame: number, of: number) => void): Promise<MeasuredFile>;
  close(): Promise<void>;
}

/** A measurer in this thread. */
export const here = (options: MeasureOptions, signal: AbortSignal): Measurer => ({
  measure: (path, onFrame) => measureFile(path, options, signal, onFrame),
  close: async () => {},
});

/** A measurer in a thread of its own. */
export function inThread(options: MeasureOptions, signal: AbortSignal): Measurer {
  const worker = new Worker(new URL('./worker.js', import.meta.url));
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  return {
    measure: (path, onFrame) =>
      new Promise((resolve, reject) => {
        const onMessage = (message: { measured: MeasuredFile } | { frame: number; of: number }) => {
          if ('frame' in message) return onFrame(message.frame, message.of);
          finish();
          resolve(message.measured);
        };
        const onAbort = () => fail(signal.reason);
        const onExit = () => fail(new Error('internal: a thread that measures videos has ended'));
        const fail = (error: unknown) => {
          finish();
          reject(error);
        };
        const finish = () => {
          worker.off('message', onMessage).off('error', fail).off('exit', onExit);
          signal.removeEventListener('abort', onAbort);
        };
        worker.on('message', onMessage).on('error', fail).on('exit', onExit);
        signal.addEventListener('abort', onAbort);
        if (signal.aborted) onAbort();
        else worker.postMessage({ path, options } satisfies Task);
      }),
    async close() {
      worker.on('error', () => {});
      worker.postMessage('stop' satisfies Task);
      await ended;
    },
  };
}

/** Whether threads can be had: they run the built files. */
export const CAN_THREAD = import.meta.url.endsWith('.js');
