// An engine without models: colours that follow from the seed, in as many steps as are asked for. Words in a prompt make it
// slow, or break: `slow` 50 ms a step, `stuck` for ever, `crash` kills the process, `broken` throws, `full` meets a full disk.

import { type Frames, InputError, type VideoStream } from 'moviegen';
import type { Claimed, Engine, EngineContext, ModelCard } from '../../src/index.ts';
import { pause } from '../../src/pause.ts';

export const FAKE: ModelCard = {
  name: 'fake',
  can: ['text', 'image', 'reference', 'edit', 'extend', 'upscale'],
  upscale: { scale: 2, steps: 3, guidanceScale: 1 },
  defaults: { width: 32, height: 32, numFrames: 4, fps: 4, steps: 4, guidanceScale: 3 },
  multiple: [16, 16],
};
/** A model that makes videos of words alone, as a checkpoint of today does. */
export const PLAIN: ModelCard = { ...FAKE, name: 'plain', can: ['text'], upscale: undefined };

export interface FakeEngine extends Engine {
  /** Every attempt that was begun, and every file that was read. */
  readonly made: Claimed[];
  readonly read: number[];
  steps: number;
}

export function fakeEngine(stepMs = 0): FakeEngine {
  const engine: FakeEngine = {
    cards: [FAKE, PLAIN],
    made: [],
    read: [],
    steps: 0,
    async *make(jobs, { signal, onProgress, read }: EngineContext): AsyncGenerator<VideoStream> {
      engine.made.push(...jobs);
      const words = jobs.map(({ request }) => request.prompt).join(' ');
      for (const { request } of jobs)
        for (const { key } of request.media) engine.read.push((await read(key)).length);
      if (words.includes('crash')) process.kill(process.pid, 'SIGKILL');
      const { steps } = jobs[0]!.request;
      const wait = words.includes('slow') ? 50 : words.includes('stuck') ? 3_600_000 : stepMs;
      for (let step = 0; step < steps; step++) {
        if (wait > 0) await pause(wait, signal);
        signal.throwIfAborted();
        engine.steps++;
        const preview = async () => jobs.map(({ request }) => frames(request, 2, 4, 4));
        await onProgress({ done: (step + 1) / steps, preview });
      }
      if (words.includes('broken')) throw new InputError('the fake engine breaks');
      if (words.includes('secret')) throw new Error('of /a/secret/path');
      if (words.includes('full')) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      for (const { request } of jobs) {
        const { totalFrames, height, width, fps } = request;
        yield {
          shape: [totalFrames, height, width, 3],
          fps,
          async *[Symbol.asyncIterator]() {
            for (let k = 0; k < totalFrames; k++) yield frames(request, 1, height, width);
          },
        };
      }
    },
    close() {},
  };
  return engine;
}

const frames = ({ seed }: Claimed['request'], T: number, H: number, W: number): Frames => {
  const data = new Uint8Array(T * H * W * 3);
  const colour = [0, 8, 16].map((shift) => Number((BigInt(seed) >> BigInt(shift)) & 255n));
  for (let k = 0; k < data.length; k++) data[k] = colour[k % 3]!;
  return { data, shape: [T, H, W, 3] };
};
