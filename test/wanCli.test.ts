// Wan on the command line: a video from a folder in diffusers' layout, the options that only Wan has, states of prompts in a file.

import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TINY } from '@moviegen/testing/checkpoints';
import { expect, test } from 'vitest';
import { folders, moviegen, PROMPT } from './cli.ts';

const T2V = fileURLToPath(new URL('../packages/wan/fixtures/t2v', import.meta.url));
const SMALL = ['--width', '32', '--height', '32', '--num-frames', '5', '--steps', '2'];
const folder = folders();
const last = (stderr: string) => stderr.trimEnd().split('\n').at(-1);

test('makes a video, with Wan’s options, and tells which share of the blocks was computed', async () => {
  const cwd = folder();
  const args = ['generate', 'a cat', '--model', T2V, ...SMALL, '--json', '-q'];
  const plain = await moviegen([...args, '-o', 'x.mp4'], { cwd });
  expect([plain.stderr, plain.status]).toEqual(['', 0]);
  expect(JSON.parse(plain.stdout).videos).toEqual([
    { prompt: 'a cat', seed: 0, path: 'x.mp4', width: 32, height: 32, numFrames: 5, fps: 16 },
  ]);
  const more = [
    ...['--shift', '5', '--solver', 'unipc', '-n', 'default'],
    ...['--cache', '0.1', '--guidance-interval', '0.5,1'],
  ];
  const { stdout, stderr, status } = await moviegen([...args, ...more, '-o', 'y.mp4'], { cwd });
  expect([stderr, status]).toEqual(['', 0]);
  expect(JSON.parse(stdout).videos[0].computed).toBeLessThanOrEqual(0.75); // one branch of four is left out
  expect(readFileSync(join(cwd, 'y.mp4')).equals(readFileSync(join(cwd, 'x.mp4')))).toBe(false);
});

test('states of a prompt in a file stand for the text encoder', async () => {
  const cwd = folder();
  const encoded = await moviegen(
    ['encode-text', 'a', 'cat', '-n', 'grey', '--model', join(T2V, 'text_encoder'), '--json', '-q'],
    { cwd },
  );
  expect([encoded.stderr, encoded.status]).toEqual(['', 0]);
  expect(JSON.parse(encoded.stdout)).toMatchObject({
    ...{ path: 'prompt.safetensors', prompt: 'a cat', negativePrompt: 'grey', width: 40 },
  });
  for (const part of ['model_index.json', 'transformer', 'vae', 'scheduler'])
    cpSync(join(T2V, part), join(cwd, 'bare', part), { recursive: true });
  const args = ['generate', ...SMALL, '-q'];
  const whole = await moviegen([...args, 'a cat', '-n', 'grey', '--model', T2V, '-o', 'whole.mp4'], { cwd });
  const states = ['--prompt-states', 'prompt.safetensors'];
  const bare = await moviegen([...args, ...states, '--model', 'bare', '-o', 'bare.mp4'], { cwd });
  expect([whole.stderr, bare.stderr]).toEqual(['', '']);
  expect(readFileSync(join(cwd, 'bare.mp4')).equals(readFileSync(join(cwd, 'whole.mp4')))).toBe(true);
  rmSync(join(cwd, 'bare'), { recursive: true });
});

test('inspect says of a folder and of a file what model it is', async () => {
  const whole = await moviegen(['inspect', T2V]);
  expect([whole.stderr, whole.status]).toEqual(['', 0]);
  expect(whole.stdout).toMatch(
    /: Wan 2\.1, of other sizes: 2 layers .*\njobs: text to video, video to video\nmade for: 832x480, 81 frames at 16 a second, 50 steps\n {2}transformer +[\d,]+ parameters, [\d.]+ kB in BF16\n/,
  );
  const file = fileURLToPath(new URL('../packages/gguf/fixtures/wan.gguf', import.meta.url));
  const { stdout } = await moviegen(['inspect', file]);
  expect(stdout).toContain("Wan's transformer, in the layout of GGUF\n");
  const part = await moviegen(['inspect', join(T2V, 'transformer')]);
  expect(part.stdout).toContain("Wan's transformer, in the layout of diffusers\n");
  expect(part.stdout).toMatch(
    /\nWan 2\.1, of other sizes: 2 layers of width 64 with 2 heads\njobs: text to video, video to video\n$/,
  );
});

test('plan takes single files alone, with a tokenizer that is a file', async () => {
  const fixtures = join(T2V, '..');
  const parts = [
    ...[
      '--transformer',
      join(T2V, 'transformer'),
      '--vae',
      join(fixtures, 'original/wan/Wan2.1_VAE.safetensors'),
    ],
    ...['--text-encoder', join(fixtures, 'original/comfy/umt5_fp8_scaled.safetensors')],
    ...['--tokenizer', join(T2V, 'tokenizer/tokenizer.json')],
  ];
  const small = ['--size', '32x32', '--frames', '5', '--steps', '2', '--no-adapter', '--json'];
  const { stdout, stderr, status } = await moviegen(['plan', ...parts, ...small]);
  expect([stderr, status]).toEqual(['', 0]);
  expect(JSON.parse(stdout)).toMatchObject({ tokens: 8, problems: [] });
});

const wan = ['generate', 'a cat', '--model', T2V, ...SMALL];
const movieGen = ['generate', PROMPT, '--model', TINY];
test.each<[string, string[], string]>([
  ['a shift', [...wan, '--shift', '0'], 'error: generate: shift must be a number above 0, got 0'],
  [
    'a shift of Movie Gen',
    [...movieGen, '--shift', '3'],
    'error: generate: shift is for Wan; Movie Gen has schedules',
  ],
  [
    'a solver of Wan',
    [...movieGen, '--solver', 'unipc'],
    'error: generate: unknown solver "unipc", expected one of euler, midpoint, heun, dopri5',
  ],
  [
    'a second scale',
    [...movieGen, '--guidance-scale-2', '3'],
    'error: generate: guidanceScale2 is of a second transformer, and this model has one',
  ],
  [
    'the authors’ negative prompt',
    [...movieGen, '-n', 'default'],
    'error: --negative-prompt default: this model has no negative prompt of its authors: give a text',
  ],
  ['a cache', [...wan, '--cache', '-1'], 'error: generate: cache must be a number from 0, about 0.1, got -1'],
  [
    'an interval',
    [...wan, '--guidance-interval', '0.1'],
    "error: option '--guidance-interval <start,end>' argument '0.1' is invalid. It must be two numbers, like 0.1,0.9.",
  ],
  [
    'no file of states',
    [...wan, '--prompt-states', '/none.safetensors'],
    'error: generate: --prompt-states /none.safetensors: there is no such file',
  ],
  [
    'a plan of nothing',
    ['plan', '--no-adapter'],
    'error: plan: give a model: a published size, a checkpoint, or its models by --transformer, --vae and --text-encoder',
  ],
  [
    'a part of a published size',
    ['plan', '1b', '--vae', T2V, '--no-adapter'],
    'error: plan: 1b is a published size, which is planned without files: --transformer, --vae, --text-encoder and --tokenizer are for a checkpoint',
  ],
  [
    'a part of Movie Gen, in a plan',
    ['plan', TINY, '--vae', T2V, '--no-adapter'],
    'error: checkpoint: single models (--transformer, --vae, --text-encoder) are for Wan: this is a Movie Gen checkpoint, all of whose models lie in it',
  ],
  [
    'a place of streamed layers alone',
    [...wan, '--offload', 'host'],
    'error: checkpoint: offload says where streamed layers come from, and without maxMemory (--max-memory) none are streamed: give both',
  ],
  [
    'encoding for Movie Gen',
    ['encode-text', 'a cat', '--model', TINY],
    `error: checkpoint: ${TINY} is a "MovieGenPipeline": prompt states are of Wan: WanPipeline or WanImageToVideoPipeline`,
  ],
])('%s is refused in one line', async (_, args, message) => {
  const cwd = folder();
  const { stderr, status } = await moviegen(args, { cwd });
  expect([last(stderr), status]).toEqual([message, 2]);
});
