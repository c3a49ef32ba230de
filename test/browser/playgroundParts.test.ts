// The parts of the playground that do not need a browser: links, lists of checksums, time left, the roofline's geometry.

import { expect, test } from 'vitest';
import { listedFiles } from '../../apps/playground/src/checkpoint/listedFiles.ts';
import { exampleFor, jobsFor } from '../../apps/playground/src/given.ts';
import { FRAME, roofline } from '../../apps/playground/src/kernels/roofline.ts';
import { advanced, counted, secondsLeft, share, waiting } from '../../apps/playground/src/phases.ts';
import { problemOf } from '../../apps/playground/src/problem.ts';
import {
  DEFAULTS,
  EXAMPLES,
  fileName,
  fromHash,
  toHash,
  wrongWith,
} from '../../apps/playground/src/settings.ts';

test('a link keeps its settings, and nonsense in it becomes defaults', () => {
  const settings = {
    ...DEFAULTS,
    prompt: 'a “red” star & 50% more = #1',
    seed: 4294967295,
    guidance: 2.5,
    width: 96,
  };
  expect(fromHash(`#${toHash(settings)}`)).toEqual(settings);
  expect(fromHash('')).toBeUndefined();
  expect(fromHash('#seed=3')).toBeUndefined();
  expect(fromHash('#prompt=x&seed=-1&steps=two&width=50&frames=&height=1e9')).toEqual({
    ...DEFAULTS,
    prompt: 'x',
  });
});

test('wrong numbers are explained in words', () => {
  expect(wrongWith('steps', 0)).toBe('Steps must be from 1 to 250.');
  expect(wrongWith('steps', 2.5)).toBe('Steps must be a whole number.');
  expect(wrongWith('width', 50)).toBe('Width must be a multiple of 16.');
  expect(wrongWith('seed', Number.NaN)).toBe('Seed must be a number.');
  expect(wrongWith('guidance', 1.25)).toBeUndefined();
});

test('files are named after their prompt', () => {
  expect(fileName({ ...DEFAULTS, prompt: 'A red/blue "star"!', seed: 7 }, 'mp4')).toBe(
    'a-red-blue-star-seed-7.mp4',
  );
  expect(fileName({ ...DEFAULTS, prompt: '…', seed: 7 }, 'gif')).toBe('video-seed-7.gif');
});

test('what can be done with a picture or a video is what both it and the checkpoint are for', () => {
  const all = ['text', 'video', 'image', 'lastImage', 'mask', 'extend', 'edit', 'upscale'] as const;
  expect(jobsFor({ still: true }, all)).toEqual(['image', 'lastImage', 'video']);
  expect(jobsFor({ still: false }, all)).toEqual(['video', 'mask', 'extend', 'edit']);
  expect(jobsFor({ still: true }, ['text', 'video'])).toEqual(['video']);
  expect(jobsFor({ still: false }, ['upscale'])).toEqual([]);
  expect(exampleFor(undefined)).toBe(EXAMPLES[0]);
  expect(exampleFor('edit')).toBe('make it blue');
});

test('of a list of checksums, the files that the pipeline reads are taken', () => {
  const sum = 'a'.repeat(64);
  const list = `${sum}  README.md\n${sum}  tae/config.json\n${sum} *tae/model.safetensors\n${sum}  training/dit.jsonl\n`;
  expect(listedFiles(list).map(({ path }) => path)).toEqual(['tae/config.json', 'tae/model.safetensors']);
  expect(() => listedFiles('<!doctype html>')).toThrow('SHA256SUMS is not a list of checksums');
  expect(() => listedFiles(`${sum}  ../../other/model.json`)).toThrow(
    'SHA256SUMS is not a list of checksums',
  );
});

test('phases that were skipped are done, and the time left follows the rate after the first step', () => {
  let states = advanced(waiting, { phase: 'sample', done: 0, total: 10 }, 1000);
  expect(states.map(({ state }) => state)).toEqual(['done', 'done', 'done', 'done', 'running', 'waiting']);
  const sample = () => states[4]!;
  expect(secondsLeft(sample(), 1500)).toBeUndefined();
  states = advanced(states, { phase: 'sample', done: 1, total: 10 }, 6000);
  expect(secondsLeft(sample(), 6000)).toBe(45); // 5 s per step, the only one known
  states = advanced(states, { phase: 'sample', done: 3, total: 10 }, 8000);
  expect(secondsLeft(sample(), 8000)).toBe(7); // 1 s per step since the first
  expect(secondsLeft(sample(), 8500)).toBe(6.5);
  expect([share(sample()), counted(sample())]).toEqual([0.3, '3 of 10']);
  states = advanced(states, { phase: 'decode', done: 0, total: 16 }, 9000);
  expect(sample()).toMatchObject({ state: 'done', began: 1000, ended: 9000 });
  expect(secondsLeft(sample(), 9000)).toBeUndefined();
});

test('bytes are counted in megabytes', () => {
  const [fetch] = advanced(waiting, { phase: 'fetch', done: 3_100_000, total: 15_700_000 }, 0);
  expect(counted(fetch!)).toBe('3.1 of 15.7 MB');
});

test('a roofline rises with intensity to its ridge, then is flat; kernels stand where they belong', () => {
  const { corners, place, xTicks, yTicks } = roofline(
    [
      { intensity: 100, gflops: 50 },
      { intensity: 0, gflops: 0 },
    ],
    100e9, // 100 GFLOP/s
    10e9, // 10 GB/s: a ridge at 10 operations per byte
  );
  const [start, ridge, end] = corners;
  expect(ridge).toEqual(place({ intensity: 10, gflops: 100 }));
  expect(end![1]).toBe(ridge![1]);
  expect(start![1]).toBeGreaterThan(ridge![1]); // lower on the page
  const [x, y] = place({ intensity: 100, gflops: 50 });
  expect(x).toBeGreaterThan(ridge![0]);
  expect(y).toBeGreaterThan(ridge![1]);
  expect(place({ intensity: 0, gflops: 0 })[0]).toBe(FRAME.left); // a copy stands at the edge
  expect(xTicks.map(({ label }) => label)).toContain('10');
  expect(yTicks.map(({ label }) => label)).toContain('100');
});

test('errors are recognised by their names', () => {
  class DeviceLostError extends Error {
    override readonly name = 'DeviceLostError';
  }
  expect(problemOf(new DeviceLostError('gone'))).toEqual({ code: 'device-lost', message: 'gone' });
  expect(problemOf(new DOMException('full', 'QuotaExceededError')).code).toBe('storage-full');
  expect(problemOf(new Error('video: nothing here encodes mp4 of 8x8')).code).toBe('no-encoder');
  expect(problemOf('odd')).toEqual({ code: 'internal', message: 'odd' });
});
