// What a Wan checkpoint is said to be, in every layout: the model, its jobs and its parts, and what is missing or does not fit.

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformerConfigs, WanTransformer } from '@moviegen/wan';
import { afterAll, expect, test } from 'vitest';
import { transformerSummary } from '../src/families/wan/summary.ts';
import { checkpointSummary } from '../src/index.ts';

const root = fileURLToPath(new URL('../../wan/fixtures/', import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'wan-summary-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));
const names = (parts: readonly { readonly part: string }[] = []) => parts.map(({ part }) => part);

test.each([
  ['t2v', ['text', 'video'], ['transformer', 'vae', 'text_encoder'], 0],
  ['ti2v', ['text', 'video', 'image'], ['transformer', 'vae', 'text_encoder'], 0],
  ['moe', ['text', 'video'], ['transformer', 'transformer_2'], 3],
  ['image', ['image'], ['transformer', 'image_encoder'], 3],
  ['lastImage', ['image', 'lastImage'], ['transformer'], 4],
  ['original/wan', ['text', 'video'], ['vae', 'text_encoder'], 0],
])('%s', async (folder, jobs, parts, problems) => {
  const place = join(scratch, folder);
  await cp(join(root, folder), place, { recursive: true });
  if (folder === 'original/wan') {
    // The fixture has no transformer of its own, without which it is nothing.
    await expect(checkpointSummary(place)).rejects.toThrow('holds several files of weights');
    const comfy = join(root, 'original/comfy/wan_t2v_fp16.safetensors');
    await cp(comfy, join(place, 'diffusion_pytorch_model.safetensors'));
    await cp(join(root, 't2v/tokenizer'), join(place, 'google/umt5-xxl'), { recursive: true });
  }
  const found = await checkpointSummary(place);
  expect(found.jobs).toEqual(jobs);
  expect(names(found.parts)).toEqual(folder === 'original/wan' ? ['transformer', ...parts] : parts);
  expect(found.problems).toHaveLength(problems);
});

test('what is missing and what does not fit are told, each in a line', async () => {
  const folder = join(scratch, 'broken');
  await cp(join(root, 't2v'), folder, { recursive: true });
  await rm(join(folder, 'vae'), { recursive: true });
  await cp(join(root, 'ti2v/vae'), join(folder, 'vae'), { recursive: true });
  await rm(join(folder, 'tokenizer'), { recursive: true });
  const scheduler = { _class_name: 'DPMSolverMultistepScheduler' };
  await writeFile(join(folder, 'scheduler/scheduler_config.json'), JSON.stringify(scheduler));
  const { problems } = await checkpointSummary(folder);
  expect(problems).toEqual([
    `checkpoint: ${folder}/tokenizer/tokenizer.json is missing`,
    expect.stringContaining("the transformer makes latents of 16 channels and the autoencoder's have 48"),
    expect.stringContaining('"DPMSolverMultistepScheduler" is not supported'),
  ]);
  await rm(join(folder, 'vae'), { recursive: true });
  await writeFile(join(folder, 'transformer/config.json'), '{"_class_name": "FluxTransformer2DModel"}');
  await expect(checkpointSummary(folder)).rejects.toThrow(/"FluxTransformer2DModel"/);
});

test('a config whose sizes its weights contradict is told', async () => {
  const folder = join(scratch, 'contradicted');
  await cp(join(root, 't2v'), folder, { recursive: true });
  const path = join(folder, 'vae/config.json');
  const config = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...config, num_res_blocks: 3 }));
  const { problems } = await checkpointSummary(folder);
  expect(problems).toEqual([
    expect.stringMatching(/contradicted\/vae: its weights do not fit its config: \d+ missing/),
  ]);
});

test.each([
  ['1.3b', 'Wan 2.1 T2V 1.3B', ['text', 'video']],
  ['14b', 'Wan 2.1 T2V 14B, or an expert of Wan 2.2 T2V A14B', ['text', 'video']],
  ['5b', 'Wan 2.2 TI2V 5B', ['text', 'video', 'image']],
  ['i2v-14b', 'Wan 2.1 I2V 14B', ['image']],
  ['flf2v-14b', 'Wan 2.1 FLF2V 14B', ['image', 'lastImage']],
  ['a14b-i2v', 'an expert of Wan 2.2 I2V A14B', ['image', 'lastImage']],
] as const)('a file of %s alone', async (size, kind, jobs) => {
  const shapes = WanTransformer.weightShapes(transformerConfigs[size]);
  const file = {
    names: () => Object.keys(shapes),
    shape: (name: string) => shapes[name]!,
    dtype: () => 'BF16',
    read: async () => new Uint8Array(),
  };
  expect(await transformerSummary(file)).toEqual({ kind, jobs });
});
