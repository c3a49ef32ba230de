// `moviegen plan`, as a user runs it.

import { expect, test } from 'vitest';
import { moviegen } from './cli.ts';

test('plans a published size without an adapter, as JSON and as text', async () => {
  const args = [
    'plan',
    '1b',
    '--size',
    '64x32',
    '--frames',
    '9',
    '--dtype',
    'f16',
    '--steps',
    '3',
    '--no-adapter',
  ];
  const [text, json] = await Promise.all([moviegen(args), moviegen([...args, '--json', '--memory', '1GB'])]);
  expect(text).toMatchObject({ status: 0 });
  expect(text.stdout).toMatch(/^1b: 64x32, 9 frames, f16, 3 steps, guidance batched\n/);
  expect(text.stdout).toMatch(/tokens +16\n/);
  expect(text.stdout).toContain('fits this adapter’s limits');
  expect(text.stdout).not.toContain('time');
  const plan = JSON.parse(json.stdout);
  expect(plan).toMatchObject({ tokens: 16, steps: 3, latentShape: [16, 2, 4, 8], guidance: 'batched' });
  expect(plan.memory.peak).toBeGreaterThan(plan.memory.weights);
  expect(plan.problems[0]).toMatch(/the adapter has 954 MiB; what would help: --max-memory/);
});

test.each([
  [['plan'], /plan: give a model: a published size, a checkpoint, or its models by --transformer/],
  [
    ['plan', '30b', '--no-adapter', '--size', '768'],
    /--size must be WIDTHxHEIGHT in pixels, as 768x432, got "768"/,
  ],
  [['plan', '1b', '--no-adapter', '--size', '40x32'], /width must be a multiple of 16, got 40/],
  [['plan', '1b', '--no-adapter', '--frames', '0'], /numFrames must be an integer of at least 1, got 0/],
  [['plan', '1b', '--no-adapter', '--max-memory', '1MB'], /maxMemory of .* is too small for one layer/],
  [['plan', './no/such/folder', '--no-adapter'], /no\/such\/folder/],
])('%j is answered with one line', async (args, said) => {
  const { status, stdout, stderr } = await moviegen(args);
  expect(status).toBe(2);
  expect(stdout).toBe('');
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('error'));
  expect(lines).toEqual([expect.stringMatching(said)]);
});
