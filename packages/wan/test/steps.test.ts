// The transformer inside of diffusers' pipelines: every step's predictions, of both experts where there are two, with the
// negative prompt and the prompt as one batch of different lengths.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { bytesToFloats } from '@moviegen/kernels';
import { openCheckpoint, Safetensors } from '@moviegen/safetensors';
import { folder as openFolder } from '@moviegen/safetensors/node';
import { type Device, scopeAsync, Tensor } from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import { parseTransformerConfig, WanTransformer } from '@moviegen/wan';
import { expect, test } from 'vitest';
import { root } from './fixtures.ts';

const runs = readdirSync(root).flatMap((folder) => {
  const expected = `${root}/${folder}/expected`;
  if (!existsSync(expected)) return [];
  return readdirSync(expected)
    .filter((name) => /^pipeline.*\.json$/.test(name))
    .map((name) => [folder, name.replace('.json', '')] as const);
});

interface Call {
  readonly transformers: readonly string[];
  readonly timesteps: readonly number[];
  readonly image?: boolean;
}

const load = async (device: Device, path: string) => {
  const config = parseTransformerConfig(JSON.parse(readFileSync(`${path}/config.json`, 'utf8')));
  const source = await openCheckpoint(openFolder(path));
  try {
    return await WanTransformer.load(device, source, config);
  } finally {
    await source.close();
  }
};

test('runs are there', () => expect(new Set(runs.map(([folder]) => folder))).toContain('moe'));

test.each(runs)('%s, %s', async (folder, name) => {
  const device = await testDevice();
  const path = `${root}/${folder}/expected/${name}`;
  const call = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Call;
  const file = await Safetensors.open(new Uint8Array(readFileSync(`${path}.safetensors`)));
  const values = async (tensor: string) =>
    Float32Array.from(bytesToFloats(await file.read(tensor), file.dtype(tensor)));
  const upload = async (tensor: string) => Tensor.from(device, await values(tensor), file.shape(tensor));
  const guided = file.names().includes('step.0.uncond');
  const prompts = guided ? ['.negative', ''] : [''];

  await scopeAsync(device, async () => {
    const [, rows = 0, width = 0] = file.shape('text');
    const states: number[] = [];
    const lengths: number[] = [];
    for (const prompt of prompts) {
      states.push(...(await values(`text${prompt}`)));
      const bytes = await file.read(`ids${prompt}`);
      const ids = new Int32Array(bytes.slice().buffer);
      lengths.push(ids.filter((id) => id !== 0).length);
    }
    const text = Tensor.from(device, Float32Array.from(states), [prompts.length, rows, width]);
    for (const part of new Set(call.transformers)) {
      const model = await load(device, `${root}/${folder}/${part}`);
      const context = model.context({ states: text, lengths });
      for (const [i, expert] of call.transformers.entries()) {
        if (expert !== part) continue;
        const before = i === 0 ? 'input.latents' : `step.${i - 1}.latents`;
        const x = await upload(call.image ? `step.${i}.input` : before);
        const t = Tensor.from(device, [call.timesteps[i]!]);
        const got = model.forward(x, t, context, { firstFrameClean: call.image });
        const wanted = [
          ...(guided ? await values(`step.${i}.uncond`) : []),
          ...(await values(`step.${i}.cond`)),
        ];
        const { error } = compareArrays(await got.read(), Float32Array.from(wanted));
        expect(error, `step ${i}`).toBeLessThan(2e-4);
      }
      context.dispose();
      model.dispose();
    }
  });
});
