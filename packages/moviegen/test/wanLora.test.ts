// LoRAs of two experts: each is merged into its own, as diffusers does with `load_into_transformer_2`, whose latents these are.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openFile } from '@moviegen/safetensors/node';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { type FromPretrainedOptions, VideoPipeline } from '../src/index.ts';
import { fixtureFiles } from '../src/node/inputs.ts';
import { checkpointOf } from '../src/parity/wan/files.ts';

const device = await testDevice();
const root = fileURLToPath(new URL('../../wan/fixtures/', import.meta.url));
const moe = await checkpointOf(await fixtureFiles(root), 'moe');
const read = async (file: string, name: string) => {
  const source = await openFile(`${root}moe/expected/${file}.safetensors`);
  const data = new Float32Array((await source.read(name)).slice().buffer);
  const shape = source.shape(name).slice(1) as [number, number, number, number];
  await source.close();
  return { data, shape };
};
const run = JSON.parse(await readFile(`${root}moe/expected/pipeline.json`, 'utf8'));
const latents = await read('pipeline', 'input.latents');
const [high, low] = ['high', 'low'].map((name) => [{ source: `${root}moe/lora/comfy-${name}.safetensors` }]);

async function made(loras: Pick<FromPretrainedOptions, 'loras' | 'loras2'>) {
  const notes: string[] = [];
  const onNote = (line: string) => notes.push(line);
  const pipeline = await VideoPipeline.fromPretrained(moe, { device, onNote, ...loras });
  const { prompt, negative, steps, guidance, guidance_2: guidanceScale2, frames: numFrames } = run;
  const [height, width] = run.size as [number, number];
  const size = { width, height, numFrames, steps };
  const guided = { negativePrompt: negative, guidanceScale: guidance, guidanceScale2 };
  const { latents: got } = await pipeline.generate(prompt, { ...size, ...guided, latents });
  pipeline.dispose();
  return { data: got.data, notes };
}

test.each([
  ['high', { loras: high!, loras2: [] }],
  ['low', { loras2: low! }],
  ['both', { loras: high!, loras2: low! }],
])('%s', async (name, loras) => {
  const { data } = await made(loras);
  const wanted = (await read('lora', name)).data;
  const worst = data.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
  expect(worst).toBeLessThan(2e-3); // the files' LoRAs change it by 0.1 and more
});

test('what is not said of the second expert is told; a model of one transformer takes none for it', async () => {
  const { notes } = await made({ loras: high! });
  expect(notes).toEqual([
    'lora: merged into the expert for high noise alone; loras2 (--lora-2) are for the one for low noise',
  ]);
  for (const source of [
    `${root}t2v`,
    fileURLToPath(new URL('../../../models/shapes-world', import.meta.url)),
  ])
    await expect(VideoPipeline.fromPretrained(source, { device, loras2: low! })).rejects.toThrow(
      'lora: loras2 (--lora-2) are of a second transformer, and this model has one',
    );
});
