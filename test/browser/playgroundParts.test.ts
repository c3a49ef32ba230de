// The parts of the playground that do not need a browser: links, lists of checksums, time left, the roofline's geometry.

import { expect, test } from 'vitest';
import { listedFiles } from '../../apps/playground/src/checkpoint/listedFiles.ts';
import { exampleFor, jobsFor } from '../../apps/playground/src/given.ts';
import { FRAME, roofline } from '../../apps/playground/src/kernels/roofline.ts';
import { hubModel, toFetch } from '../../apps/playground/src/model.ts';
import { advanced, counted, secondsLeft, share, waiting } from '../../apps/playground/src/phases.ts';
import { problemOf } from '../../apps/playground/src/problem.ts';
import {
  fileName,
  fromHash,
  moved,
  rulesOf,
  SHIPPED,
  toHash,
  wrongWith,
} from '../../apps/playground/src/settings.ts';

const { defaults: DEFAULTS, numbers } = SHIPPED;
const WAN = rulesOf({
  defaults: {
    sampler: { steps: 50, guidanceScale: 5 },
    video: { width: 832, height: 480, numFrames: 81, fps: 16 },
    prompts: ['a cat'],
    negativePrompt: 'grey',
  },
  multiple: [16, 16],
  frameStep: 4,
  shift: 3,
});

test('a link keeps its settings, and nonsense in it becomes defaults', () => {
  const settings = {
    ...DEFAULTS,
    prompt: 'a “red” star & 50% more = #1',
    seed: 4294967295,
    guidance: 2.5,
    width: 96,
  };
  expect(fromHash(`#${toHash(settings)}`, SHIPPED)).toEqual(settings);
  expect(fromHash('', SHIPPED)).toBeUndefined();
  expect(fromHash('#seed=3', SHIPPED)).toBeUndefined();
  expect(fromHash('#prompt=x&seed=-1&steps=two&width=50&frames=&height=1e9&shift=2', SHIPPED)).toEqual({
    ...DEFAULTS,
    prompt: 'x',
  });
  const wan = { ...WAN.defaults, prompt: 'a cat', negative: 'grey', shift: 5 };
  expect(fromHash(toHash(wan), WAN)).toEqual(wan);
});

test('another model brings its own defaults, but for what a person has changed and it allows', () => {
  const typed = { ...DEFAULTS, prompt: 'a cat', steps: 4, frames: 16, width: 48, height: 40 };
  expect(moved(typed, SHIPPED, WAN)).toEqual({
    ...WAN.defaults,
    prompt: 'a cat',
    steps: 4,
    width: 48,
  });
  const link = { ...WAN.defaults, frames: 5, steps: 3 };
  expect(moved({ ...DEFAULTS, steps: 4 }, SHIPPED, WAN, link)).toEqual({ ...link, steps: 4 });
  expect(moved(WAN.defaults, WAN, SHIPPED)).toEqual(DEFAULTS);
});

test('wrong numbers are explained in words', () => {
  const { steps, width, seed, guidance } = numbers;
  expect(wrongWith(steps!, 0)).toBe('Steps must be from 1 to 250.');
  expect(wrongWith(steps!, 2.5)).toBe('Steps must be a whole number.');
  expect(wrongWith(width!, 50)).toBe('Width must be a multiple of 16: 48 or 64.');
  expect(wrongWith(seed!, Number.NaN)).toBe('Seed must be a number.');
  expect(wrongWith(guidance!, 1.25)).toBeUndefined();
  expect(wrongWith(WAN.numbers.frames!, 80)).toBe('Frames must be 1 more than a multiple of 4: 77 or 81.');
  expect(wrongWith(WAN.numbers.frames!, 81)).toBeUndefined();
});

test('files are named after their prompt', () => {
  expect(fileName({ ...DEFAULTS, prompt: 'A red/blue "star"!', seed: 7 }, 'mp4')).toBe(
    'a-red-blue-star-seed-7.mp4',
  );
  expect(fileName({ ...DEFAULTS, prompt: '…', seed: 7 }, 'gif')).toBe('video-seed-7.gif');
});

test('what can be done with a picture or a video is what both it and the checkpoint are for', () => {
  const all = ['text', 'video', 'image', 'lastImage', 'mask', 'extend', 'edit', 'upscale'] as const;
  expect(jobsFor({ still: true }, all)).toEqual(['image', 'lastImage', 'video', 'upscale']);
  expect(jobsFor({ still: false }, all)).toEqual(['video', 'mask', 'extend', 'edit', 'upscale']);
  expect(jobsFor({ still: true }, ['text', 'video'])).toEqual(['video']);
  expect(jobsFor({ still: false }, ['upscale', 'image'])).toEqual(['upscale']);
  expect(jobsFor({ still: true }, ['text', 'reference'])).toEqual(['reference']);
  expect(exampleFor(undefined, ['a cat', 'a dog'])).toBe('a cat');
  expect(exampleFor('edit', ['a cat'])).toBe('make it blue');
  expect(exampleFor('upscale', ['a cat'])).toBe('');
});

test('of a list of checksums, the files that the pipeline reads are taken', () => {
  const sum = 'a'.repeat(64);
  const list = `${sum}  README.md\n${sum}  tae/config.json\n${sum} *tae/model.safetensors\n${sum}  training/dit.jsonl\n`;
  expect(listedFiles(list).map(({ path }) => path)).toEqual(['tae/config.json', 'tae/model.safetensors']);
  expect(() => listedFiles('<!doctype html>')).toThrow('SHA256SUMS is not a list of checksums');
  const shared = '../other/tae/config.json'; // of the checkpoint beside it
  expect(listedFiles(`${sum}  ${shared}\n`).map(({ path }) => path)).toEqual([shared]);
  for (const path of ['../../other/model.json', '../model.json', '../other/../model.json'])
    expect(() => listedFiles(`${sum}  ${path}`)).toThrow('SHA256SUMS is not a list of checksums');
});

test('phases that were skipped are done, and the time left follows the rate after the first step', () => {
  let states = advanced(waiting(), { phase: 'sample', done: 0, total: 10 }, 1000);
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

test('what is said of a model before it is fetched', () => {
  expect(hubModel('Wan-AI/Wan2.1-T2V-1.3B-Diffusers@v1')).toEqual({
    id: 'Wan-AI/Wan2.1-T2V-1.3B-Diffusers',
    revision: 'v1',
  });
  expect(hubModel('me/tiny')).toEqual({ id: 'me/tiny', revision: 'main' });
  for (const other of ['https://a.org/b', '/me/tiny/', 'me/tiny/vae', 'me', 'me/tiny@a@b', 'me/tiny@..'])
    expect(hubModel(other), other).toBeUndefined();
  expect(toFetch({ bytes: 15.7e6, missing: 0, room: 0 })).toBe('15.7 MB, all of it here');
  expect(toFetch({ bytes: 12e9, missing: 11.4e9, room: 2e9 })).toBe(
    '11.4 GB of 12.0 GB to fetch, but this browser offers only 2.0 GB to keep it',
  );
});

test('bytes are counted in megabytes', () => {
  const [fetch] = advanced(waiting(), { phase: 'fetch', done: 3_100_000, total: 15_700_000 }, 0);
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
