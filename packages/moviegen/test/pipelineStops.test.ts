// The pipeline on the tiny checkpoint, told to stop at every phase: it does, with the reason, and keeps no memory.

import { TINY } from '@moviegen/testing/checkpoints';
import { describe, expect, test } from 'vitest';
import type { GenerateOptions } from '../src/generate/options.ts';
import { MovieGen, type Progress } from '../src/index.ts';
import { openTiny, PROMPT } from './tinyPipeline.ts';

const { device, movieGen } = await openTiny();

describe('stops when it is told to', () => {
  const stopAt = async (
    at: (progress: Progress) => boolean,
    run: (options: GenerateOptions) => Promise<unknown>,
  ) => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const after: Progress[] = [];
    const stopped = run({
      signal: controller.signal,
      onProgress: (progress) => {
        if (controller.signal.aborted) after.push(progress);
        else if (at(progress)) controller.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    expect(after).toEqual([]); // nothing goes on
  };

  test.each([
    ['in the text', ({ phase }: Progress) => phase === 'text'],
    ['while compiling', ({ phase }: Progress) => phase === 'compile'],
    ['at a step', (progress: Progress) => progress.phase === 'sample' && progress.step === 2],
    ['before a frame', (progress: Progress) => progress.phase === 'decode' && progress.frames === 0],
  ])('%s', async (_, at) => {
    await movieGen.generate(PROMPT);
    const { used } = device.memory();
    await stopAt(at, (options) => movieGen.generate(PROMPT, options));
    await device.sync();
    expect(device.memory().used).toBe(used);
    const { frames } = await movieGen.generate(PROMPT, { seed: 5 });
    expect(frames.shape).toEqual([9, 16, 32, 3]);
  });

  test.each(['text', 'compile', 'sample', 'decode'])(
    'what the caller throws in %s is thrown',
    async (phase) => {
      const { used } = device.memory();
      const onProgress = (progress: Progress) => {
        if (progress.phase !== phase || (progress.phase === 'decode' && progress.frames === 0)) return;
        throw new Error('mine');
      };
      await expect(movieGen.generate(PROMPT, { onProgress })).rejects.toThrow('mine');
      await device.sync();
      expect(device.memory().used).toBe(used);
    },
  );

  test('within a frame', async () => {
    const { latents } = await movieGen.generate(PROMPT);
    const { used } = device.memory();
    const controller = new AbortController();
    const stopped = movieGen.decode(latents, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 1);
    await expect(stopped).rejects.toThrow('enough');
    await movieGen.generate(PROMPT); // by then the tile that nobody wants has come and gone
    expect(device.memory().used).toBe(used);
  });

  test('while it loads', async () => {
    const { used } = device.memory();
    await stopAt(
      ({ phase }) => phase === 'load',
      (options) => MovieGen.fromPretrained(TINY, { device, ...options } as never),
    );
    expect(device.memory().used).toBe(used);
  });

  test('when what is told of loading fails later', async () => {
    const { used } = device.memory();
    const onProgress = async () => {
      await new Promise((resolve) => setTimeout(resolve));
      throw new Error('full');
    };
    await expect(MovieGen.fromPretrained(TINY, { device, onProgress })).rejects.toThrow('full');
    expect(device.memory().used).toBe(used);
  });

  test('before it begins', async () => {
    const signal = AbortSignal.abort(new Error('never'));
    await expect(movieGen.generate(PROMPT, { signal })).rejects.toThrow('never');
    await expect(MovieGen.fromPretrained(TINY, { device, signal })).rejects.toThrow('never');
  });
});

test('what is asked of a pipeline that is gone, or goes meanwhile, rejects in one clear line', async () => {
  const { used } = device.memory();
  const other = await MovieGen.fromPretrained(TINY, { device });
  const { latents, frames } = await other.generate(PROMPT);
  const said = 'movieGen: this pipeline was disposed of: load it again';
  let step = 0;
  const running = other.generate(PROMPT, {
    onProgress: ({ phase }) => {
      if (phase === 'sample' && step++ === 1) other.dispose();
    },
  });
  const waiting = other.decode(latents);
  await expect(running).rejects.toThrow(said);
  await expect(waiting).rejects.toThrow(said);
  await expect(other.generate(PROMPT)).rejects.toThrow(said);
  await expect(other.encode(frames)).rejects.toThrow(said);
  await expect(other.decodeStream(latents).next()).rejects.toThrow(said);
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(other.decode(latents, { signal })).rejects.toThrow('enough'); // the caller knows why
  other.dispose();
  expect(device.memory().used).toBe(used);
});

test('frames that are asked for while a generation goes on come after it', async () => {
  const { latents, frames } = await movieGen.generate(PROMPT);
  let goOn = () => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const onProgress = (progress: Progress) =>
    progress.phase === 'sample' && progress.step === 1 ? held : undefined;
  const generation = movieGen.generate(PROMPT, { onProgress });
  const pieces = movieGen.decodeStream(latents, { numFrames: 9 });
  const first = pieces.next();
  const patience = new Promise((resolve) => setTimeout(resolve, 1000, 'waits'));
  expect(await Promise.race([first, patience])).toBe('waits');
  goOn();
  expect((await generation).frames.data).toEqual(frames.data);
  const { value } = await first;
  expect(value!.data).toEqual(frames.data.subarray(0, value!.data.length));
  await pieces.return();
});
