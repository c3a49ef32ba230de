// The command line's options for loading, and averaging: what they do, and the one line that they print if they cannot.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serialize } from '@moviegen/safetensors';
import { TINY } from '@moviegen/testing/checkpoints';
import { expect, test } from 'vitest';
import { filesIn, moviegen, temporaryFolder } from './cli.ts';

const root = temporaryFolder();
let folders = 0;
function folder(): string {
  const path = join(root, String(folders++));
  mkdirSync(path);
  return path;
}

const factors = (path: string) =>
  serialize({
    [`${path}.lora_A.weight`]: { dtype: 'F32', shape: [1, 32], data: new Float32Array(32).fill(0.5) },
    [`${path}.lora_B.weight`]: { dtype: 'F32', shape: [32, 1], data: new Float32Array(32).fill(0.5) },
  });
const common = [
  'generate',
  'a star',
  '--model',
  TINY,
  '--steps',
  '1',
  '--num-frames',
  '1',
  '--format',
  'gif',
];

test('a LoRA with a weight changes the video, and a memory bound does not', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'style.safetensors'), factors('transformer.layers.0.attention.wo'));
  const video = async (output: string, ...more: string[]) => {
    const { status, stderr } = await moviegen([...common, '-q', '-o', output, ...more], { cwd });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return readFileSync(join(cwd, output, 'a-star-0.gif'));
  };
  const plain = await video('plain');
  const lora = ['--lora', 'style.safetensors:2'];
  const styled = await video('styled', ...lora);
  expect(styled).not.toEqual(plain);
  const { stderr } = await moviegen([...common, ...lora, '--max-memory', '1KiB'], { cwd });
  const [, least] = /give at least (\d+) KiB\n$/.exec(stderr) ?? []; // the merge of the LoRA needs memory too
  expect(await video('streamed', ...lora, '--max-memory', `${least}KiB`)).toEqual(styled);
});

test.each<[string[], string]>([
  [['--max-memory', '10KiB'], 'is too small for one layer: '],
  [['--max-memory', 'much'], "option '--max-memory <bytes>' argument 'much' is invalid"],
  [['--lora', 'other.safetensors'], 'this LoRA does not fit the model: the model has no unet.x.weight'],
  [['--lora', 'none.safetensors:0.5'], 'lora: there is no file none.safetensors'],
])('generate %s: one line, status 2, nothing written', async (args, said) => {
  const cwd = folder();
  writeFileSync(join(cwd, 'other.safetensors'), factors('unet.x'));
  const { status, stdout, stderr } = await moviegen([...common, '-q', ...args], { cwd });
  expect(stderr).toMatch(/^error: [^\n]+\n$/);
  expect(stderr).toContain(said);
  expect({ status, stdout, files: filesIn(cwd) }).toEqual({
    status: 2,
    stdout: '',
    files: ['other.safetensors'],
  });
});

test('average writes a checkpoint that works, or one line', async () => {
  const cwd = folder();
  const made = await moviegen(['average', TINY, TINY, '--weights', '2,1', '-o', 'mean'], { cwd });
  expect(made).toMatchObject({ status: 0, stdout: `mean  the mean of ${TINY}, ${TINY}\n` });
  expect(filesIn(join(cwd, 'mean'))).toEqual(filesIn(TINY));
  for (const [args, said] of [
    [[TINY, join(TINY, 'tae')], 'is missing'],
    [[TINY], 'average: give at least two checkpoints'],
    [[TINY, TINY, '--weights', '1,x'], "option '--weights <numbers>' argument '1,x' is invalid"],
    [[TINY, TINY, '--weights', '1'], 'average: got 1 weights for 2 checkpoints'],
  ] as const) {
    const { status, stderr } = await moviegen(['average', ...args, '-o', 'none'], { cwd });
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(said);
    expect(status).toBe(2);
  }
  expect(filesIn(cwd).filter((path) => !path.startsWith('mean'))).toEqual([]);
});
