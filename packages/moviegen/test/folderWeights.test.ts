// Weights in a model's folder under the names that people give them: GGUF, single files, indices of other names. One file alone is
// taken; of several, a word of the name chooses, and without one they are listed.

import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { openFiles } from '../src/checkpoint/files.ts';
import { openFolderWeights } from '../src/checkpoint/folderWeights.ts';
import { openWan } from '../src/families/wan/open.ts';
import { planGeneration } from '../src/index.ts';

const packages = fileURLToPath(new URL('../../', import.meta.url));
const t2v = join(packages, 'wan/fixtures/t2v');
const scratch = await mkdtemp(join(tmpdir(), 'folder-weights-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));
const USUAL = 'diffusion_pytorch_model.safetensors';

/** A transformer's folder with its weights under these names. */
async function folderOf(...names: string[]): Promise<string> {
  const folder = await mkdtemp(join(scratch, 'model-'));
  for (const name of names)
    await copyFile(
      name.endsWith('.gguf') ? join(packages, 'gguf/fixtures/wan.gguf') : join(t2v, 'transformer', USUAL),
      join(folder, name),
    );
  return folder;
}
async function opened(folder: string, variant?: string) {
  const source = await openFolderWeights(openFiles(folder, { variant }), '');
  await source.close();
  return source.label;
}

test.each([
  [['wan2.1-t2v-1.3b-Q4_K_M.gguf'], undefined, 'wan2.1-t2v-1.3b-Q4_K_M.gguf'],
  [['model.safetensors'], undefined, 'model.safetensors'],
  [['diffusion_pytorch_model.fp16.safetensors'], undefined, 'diffusion_pytorch_model.fp16.safetensors'],
  [['wan_t2v.safetensors', '._wan_t2v.safetensors'], undefined, 'wan_t2v.safetensors'],
  [[USUAL, 'wan-Q8_0.gguf'], undefined, USUAL],
  [['wan-Q8_0.gguf', 'wan-Q4_K_M.gguf'], 'q4_k_m', 'wan-Q4_K_M.gguf'],
])('%j, variant %s: %s', async (names, variant, taken) => {
  const folder = await folderOf(...names);
  expect(await opened(folder, variant)).toBe(join(folder, taken));
});

test('an index of another name, and its shards', async () => {
  const folder = await folderOf('wan-00001-of-00002.safetensors');
  await copyFile(join(t2v, 'vae', USUAL), join(folder, 'wan-00002-of-00002.safetensors'));
  const names = async (part: string, shard: string) => {
    const source = await openFolderWeights(openFiles(t2v), part);
    await source.close();
    return source.names().map((name) => [name, shard]);
  };
  const first = await names('transformer', 'wan-00001-of-00002.safetensors');
  const second = await names('vae', 'wan-00002-of-00002.safetensors');
  const index = { weight_map: Object.fromEntries([...first, ...second]) };
  await writeFile(join(folder, 'wan.safetensors.index.json'), JSON.stringify(index));
  const source = await openFolderWeights(openFiles(folder), '');
  expect(source.names().length).toBe(first.length + second.length);
  await source.close();
});

test('several files are listed, and none is said', async () => {
  const folder = await folderOf('wan-Q8_0.gguf', 'wan-Q4_K_M.gguf');
  await expect(opened(folder)).rejects.toThrow(
    `checkpoint: ${folder} holds several files of weights, "wan-Q4_K_M.gguf", "wan-Q8_0.gguf": choose by a word of the name (variant, --variant), or give the file in the place of the model (--transformer FILE)`,
  );
  const empty = await folderOf();
  await expect(opened(empty)).rejects.toThrow('there is no checkpoint: expected model.safetensors or');
});

test('a variant of the transformer alone: the other models have their plain weights', async () => {
  const folder = join(scratch, 'variant');
  await cp(t2v, folder, { recursive: true });
  await rm(join(folder, 'transformer', USUAL));
  for (const type of ['Q4_K_M', 'Q8_0'])
    await copyFile(join(packages, 'gguf/fixtures/wan.gguf'), join(folder, `transformer/wan-${type}.gguf`));
  const options = { width: 32, height: 32, numFrames: 5, steps: 1 };
  await expect(planGeneration(folder, options)).rejects.toThrow('choose by a word of the name');
  expect((await planGeneration(folder, { ...options, variant: 'Q4_K_M' })).problems).toEqual([]);
  await expect(planGeneration(folder, { ...options, variant: 'Q5_0' })).rejects.toThrow(
    /variant\/transformer: .*there is no checkpoint/,
  );
});

test('a checkpoint with a GGUF for a transformer, with a config and without', async () => {
  const folder = join(scratch, 'checkpoint');
  await cp(t2v, folder, { recursive: true });
  await rm(join(folder, 'transformer', USUAL));
  await copyFile(
    join(packages, 'gguf/fixtures/wan.gguf'),
    join(folder, 'transformer/wan2.1-t2v-1.3b-Q4_K_M.gguf'),
  );
  await rename(join(folder, 'vae', USUAL), join(folder, 'vae/wan_2.1_vae.safetensors'));
  const { configs, close } = await openWan(openFiles(folder), {});
  await close();
  expect(configs.transformers[0]!.numLayers).toBe(2);
  const config = await readFile(join(folder, 'vae/config.json'));
  await rm(join(folder, 'vae/config.json')); // told by the weights
  const told = await openWan(openFiles(folder), {});
  await told.close();
  expect(told.configs.vae).toMatchObject({ zDim: 16, baseDim: configs.vae.baseDim });
  await mkdir(join(folder, 'other'));
  await writeFile(join(folder, 'vae/config.json'), config);
});
