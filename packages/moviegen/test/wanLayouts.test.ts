// Wan from what people have besides diffusers' folders: single files as ComfyUI's users have them, the original repository. The same
// weights, rounded otherwise, make nearly the same latents. And what cannot be loaded is refused in one line.

import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serialize } from '@moviegen/safetensors';
import { openFolder } from '@moviegen/safetensors/node';
import { testDevice } from '@moviegen/testing/device';
import { originalTransformerName } from '@moviegen/wan';
import { afterAll, expect, test } from 'vitest';
import { encodePrompt, planGeneration, VideoPipeline } from '../src/index.ts';

const device = await testDevice();
const { used } = device.memory();
const root = fileURLToPath(new URL('../../wan/fixtures/', import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'wan-layouts-'));
afterAll(async () => {
  expect(device.memory().used).toBe(used);
  await rm(scratch, { recursive: true, force: true });
});

const options = { width: 32, height: 32, numFrames: 5, steps: 2, seed: 1, guidanceScale: 4 };
const prompt = 'a red cat walks in the kitchen';
async function latentsOf(...source: Parameters<typeof VideoPipeline.fromPretrained>): Promise<Float32Array> {
  const pipeline = await VideoPipeline.fromPretrained(source[0], { device, ...source[1] });
  try {
    return (await pipeline.generate(prompt, options)).latents.data;
  } finally {
    pipeline.dispose();
  }
}
const plain = await latentsOf(join(root, 't2v'));
const largest = plain.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const distance = (latents: Float32Array) =>
  latents.reduce((most, value, i) => Math.max(most, Math.abs(value - plain[i]!)), 0) / largest;

/** The original repository: t2v's transformer under its names, beside the files of the fixture. */
async function originalRepository(): Promise<string> {
  const folder = join(scratch, 'original');
  await cp(join(root, 'original/wan'), folder, { recursive: true });
  const weights = await openFolder(join(root, 't2v/transformer'));
  const tensors = await Promise.all(
    weights.names().map(async (name) => {
      const [dtype, shape, data] = [weights.dtype(name), weights.shape(name), await weights.read(name)];
      return [originalTransformerName(name), { dtype, shape, data }] as const;
    }),
  );
  await writeFile(join(folder, 'diffusion_pytorch_model.safetensors'), serialize(tensors as never));
  await weights.close();
  await mkdir(join(folder, 'google/umt5-xxl'), { recursive: true });
  await cp(join(root, 't2v/tokenizer'), join(folder, 'google/umt5-xxl'), { recursive: true });
  return folder;
}

test('the original repository', async () => {
  const folder = await originalRepository();
  expect(distance(await latentsOf(folder))).toBeLessThan(2e-2);
  const plan = await planGeneration(folder, { width: 32, height: 32, numFrames: 5, steps: 2 });
  expect(plan.tokens).toBe(8);
  // A second expert beside the one of the folder.
  const parts = { transformer2: join(root, 't2v/transformer') };
  const { weights } = await planGeneration(folder, { parts, width: 32, height: 32, numFrames: 5, steps: 2 });
  expect(weights.some(({ part }) => part === 'dit 2')).toBe(true);
  await rm(join(folder, 'Wan2.1_VAE.safetensors'));
  await writeFile(join(folder, 'Wan2.1_VAE.pth'), 'PK');
  await expect(latentsOf(folder)).rejects.toThrow(
    /Wan2\.1_VAE\.pth: .*take wan_2\.1_vae\.safetensors.*: name it with vae \(--vae\)/,
  );
});

const files = {
  transformer: join(root, 'original/comfy/wan_t2v_fp16.safetensors'),
  vae: join(root, 'original/wan/Wan2.1_VAE.safetensors'),
  textEncoder: join(root, 'original/comfy/umt5_fp8_scaled.safetensors'),
};

test('single files take the place of parts of a folder', async () => {
  for (const parts of [{ vae: files.vae }, { textEncoder: files.textEncoder }])
    expect(distance(await latentsOf(join(root, 't2v'), { parts }))).toBeLessThan(0.1);
});

test('single files alone: a config beside them counts; without one, heads are 128 wide', async () => {
  const tokenizer = join(root, 't2v/tokenizer');
  await expect(latentsOf(files, { tokenizer })).rejects.toThrow(/wan_t2v_fp16\.safetensors: .*128/);
  const folder = join(scratch, 'comfy');
  await mkdir(folder);
  await copyFile(files.transformer, join(folder, 'wan.safetensors'));
  await copyFile(join(root, 'original/wan/config.json'), join(folder, 'config.json'));
  const beside = { ...files, transformer: join(folder, 'wan.safetensors') };
  expect(distance(await latentsOf(beside, { tokenizer }))).toBeLessThan(0.1);
  await expect(latentsOf(files)).rejects.toThrow('the tokenizer is not given');
  await expect(latentsOf({ transformer: files.transformer }, { tokenizer })).rejects.toThrow(
    'of single files, these are not given: vae, textEncoder',
  );
  await expect(latentsOf(join(root, 't2v'), { parts: { vae: files.textEncoder } })).rejects.toThrow(
    /umt5_fp8_scaled\.safetensors: it holds the text encoder umT5.*expected Wan's autoencoder/,
  );
});

test('folders that do not fit are refused in one line', async () => {
  const folder = join(scratch, 'mixed');
  await cp(join(root, 't2v'), folder, { recursive: true });
  await rm(join(folder, 'vae'), { recursive: true });
  await expect(latentsOf(folder)).rejects.toThrow(/vae\/config\.json is missing/);
  await cp(join(root, 'ti2v/vae'), join(folder, 'vae'), { recursive: true });
  await expect(latentsOf(folder)).rejects.toThrow(
    "the transformer makes latents of 16 channels and the autoencoder's have 48",
  );
  await copyFile(join(root, 'moe/model_index.json'), join(folder, 'model_index.json'));
  await expect(latentsOf(folder)).rejects.toThrow(/transformer_2\/config\.json is missing/);
  const index = JSON.parse(await readFile(join(root, 't2v/model_index.json'), 'utf8'));
  await writeFile(
    join(folder, 'model_index.json'),
    JSON.stringify({ ...index, _class_name: 'FluxPipeline' }),
  );
  await expect(latentsOf(folder)).rejects.toThrow(
    'model_index.json is of a "FluxPipeline", which is not loaded here; these are: MovieGenPipeline, MovieGenUpsamplerPipeline, WanPipeline, WanImageToVideoPipeline',
  );
});

test('a tokenizer is a folder or its file, and that of another model is refused before anything is loaded', async () => {
  const t2v = join(root, 't2v');
  const file = join(t2v, 'tokenizer/tokenizer.json');
  const renamed = join(scratch, 'umt5-tokenizer.json');
  await copyFile(file, renamed);
  for (const tokenizer of [file, renamed]) expect(distance(await latentsOf(t2v, { tokenizer }))).toBe(0);
  const json = JSON.parse(await readFile(file, 'utf8'));
  const { vocab } = json.model;
  const more = Array.from({ length: 99 }, (_, i) => [`piece ${i}`, -20]);
  const published = fileURLToPath(new URL('../fixtures/text-pretrained/', import.meta.url));
  const cases: [tokenizer: string | object, message: RegExp][] = [
    [{ ...json, model: { ...json.model, vocab: [...vocab, ...more] } }, /has 408 tokens, .* has 320 rows/],
    [
      join(published, 't5'),
      /\/t5: this tokenizer has 77 tokens, and the token table of .*\/text_encoder has 320 rows/,
    ],
    [join(published, 'clip'), /\/clip: this tokenizer has 613 tokens, .* take the one of this encoder/],
    [{}, /other\.json: tokenizer: this is not a tokenizer\.json/],
    [files.vae, /"Wan2\.1_VAE\.safetensors" is not a tokenizer\.json: take that file of the same model/],
    [join(scratch, 'none.json'), /\/none\.json is missing/],
  ];
  for (const [given, message] of cases) {
    const other = join(scratch, 'other.json');
    if (typeof given !== 'string') await writeFile(other, JSON.stringify(given));
    const tokenizer = typeof given === 'string' ? given : other;
    await expect(latentsOf(t2v, { tokenizer })).rejects.toThrow(message);
    await expect(encodePrompt(t2v, prompt, { device, tokenizer })).rejects.toThrow(message);
  }
});

test('options without a use are refused, not ignored', async () => {
  const t2v = join(root, 't2v');
  const load = (more: object) => latentsOf(t2v, more);
  await expect(load({ offload: 'host' })).rejects.toThrow(
    'without maxMemory (--max-memory) none are streamed',
  );
  for (const more of [{ parts: { textEncoder: files.textEncoder } }, { tokenizer: join(t2v, 'tokenizer') }])
    await expect(load({ textEncoder: false, ...more })).rejects.toThrow(
      /prompt states stand for the text encoder: leave out --/,
    );
  await expect(latentsOf(files.vae)).rejects.toThrow(
    /Wan2\.1_VAE\.safetensors is one model's weights, not a checkpoint: .* of Wan, each model as --transformer/,
  );
  await expect(load({ steps: 2 })).rejects.toThrow(
    'fromPretrained: there is no option "steps"; its options are device, download, dtype, ',
  );
  const tokenizer = join(t2v, 'tokenizer');
  for (const model of ['wan2.1-t2v-1.3b', '30b'])
    for (const more of [{ parts: { vae: files.vae } }, { tokenizer }])
      await expect(planGeneration(model, more)).rejects.toThrow(
        `plan: ${model} is a published size, which is planned without files`,
      );
});

test('sizes and frames off the grid are refused with the nearest ones', async () => {
  const pipeline = await VideoPipeline.fromPretrained(join(root, 't2v'), { device });
  const make = (more: object) => pipeline.generate(prompt, { ...options, ...more });
  await expect(make({ width: 40 })).rejects.toThrow(
    'width must be a multiple of 16, got 40; the nearest are 32 and 48',
  );
  await expect(make({ numFrames: 7 })).rejects.toThrow(
    'numFrames must be 4k + 1, got 7; the nearest are 5 and 9',
  );
  await expect(make({ guidanceScale2: 3 })).rejects.toThrow('guidanceScale2 is of a second transformer');
  await expect(make({ guidence: 3 })).rejects.toThrow(
    'generate: there is no option "guidence"; its options are',
  );
  await expect(make({ dtype: 'f16' })).rejects.toThrow('generate: there is no option "dtype"');
  await expect(make({ schedule: 'linear' })).rejects.toThrow('schedule is for Movie Gen');
  await expect(make({ solver: 'heun' })).rejects.toThrow(
    'unknown solver "heun", expected one of unipc, euler',
  );
  await expect(make({ image: { data: new Uint8Array(3), shape: [1, 1, 1, 3] } })).rejects.toThrow(
    'this checkpoint has not learnt image to video; it can do text to video, video to video',
  );
  pipeline.dispose();
});
