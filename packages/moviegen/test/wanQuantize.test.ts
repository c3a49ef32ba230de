// Quantised Wan checkpoints: every transformer and the text encoder become smaller, all else stays, and the videos are those of
// quantising at load.

import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFolder } from '@moviegen/safetensors/node';
import { quantizedWeights } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, expect, test } from 'vitest';
import { VideoPipeline } from '../src/index.ts';
import { quantizeCheckpoint } from '../src/node/quantizeFolder.ts';

const device = await testDevice();
const fixtures = fileURLToPath(new URL('../../wan/fixtures/', import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'wan-quantize-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));

const filesIn = async (folder: string) => (await readdir(folder, { recursive: true })).sort();

/** Two experts of the same weights. */
const input = join(scratch, 'two');
await cp(`${fixtures}t2v`, input, { recursive: true });
await cp(`${fixtures}t2v/transformer`, join(input, 'transformer_2'), { recursive: true });
await rm(join(input, 'expected'), { recursive: true });
await cp(`${fixtures}moe/model_index.json`, join(input, 'model_index.json'));

test('both experts and the text encoder; the same video as quantising at load', async () => {
  const output = join(scratch, 'q8');
  const summary = await quantizeCheckpoint(input, output, { format: 'q8' });
  expect(summary.bytesAfter).toBeLessThan(summary.bytesBefore);
  expect(await filesIn(output)).toEqual(await filesIn(input));
  for (const part of ['transformer', 'transformer_2', 'text_encoder']) {
    const source = await openFolder(join(output, part));
    const layers = part === 'text_encoder' ? /SelfAttention|DenseReluDense/ : /^blocks\.1\.(attn|ffn)/;
    expect([...quantizedWeights(source).keys()].some((name) => layers.test(name))).toBe(true);
    expect([...quantizedWeights(source).keys()].filter((name) => /norm|bias|shared/.test(name))).toEqual([]);
    await source.close();
  }
  const vae = 'vae/diffusion_pytorch_model.safetensors';
  expect(await readFile(join(output, vae))).toEqual(await readFile(join(input, vae)));

  const { used } = device.memory();
  const options = { width: 32, height: 32, numFrames: 5, steps: 3, seed: 1 };
  const frames = async (folder: string, dtype: object = {}) => {
    const pipeline = await VideoPipeline.fromPretrained(folder, { device, ...dtype });
    const made = await pipeline.generate('a red cat', options);
    pipeline.dispose();
    return made.frames.data;
  };
  const quantized = await frames(output);
  expect(quantized).toEqual(await frames(input, { dtype: { dit: 'q8', text: 'q8' } }));
  expect(quantized).not.toEqual(await frames(input));
  expect(device.memory().used).toBe(used);
});

test('one module alone; not twice', async () => {
  const output = join(scratch, 'text');
  await quantizeCheckpoint(input, output, { format: 'q4', modules: ['text'] });
  for (const part of ['transformer', 'transformer_2']) {
    const file = join(part, 'diffusion_pytorch_model.safetensors');
    expect(await readFile(join(output, file))).toEqual(await readFile(join(input, file)));
  }
  const again = quantizeCheckpoint(output, join(scratch, 'again'), { format: 'q4' });
  await expect(again).rejects.toThrow('is quantised already');
});
