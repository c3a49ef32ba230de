// What Wan's image models are given beside the noise: the mask and the latents of a picture, or of a first and a last one, in
// `expected/condition.safetensors`. Tensors `input.image`, `input.last` [1, 3, H, W] in -1 .. 1 -> `output`, `output.last`.

import type { Device } from '@moviegen/tensor';
import { parseAutoencoderConfig, WanAutoencoder } from '@moviegen/wan';
import { besidePixels } from '../../families/wan/given.ts';
import type { ParityReport } from '../parity.ts';
import { neededJson, readCase, readWeights, sharedParts, type WanFixtureFiles } from './files.ts';
import { Rows } from './rows.ts';

/** Compares both. */
export async function checkCondition(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  bound: number,
): Promise<ParityReport> {
  const given = await readCase(files, `${folder}/expected/condition`);
  const place = (await sharedParts(files, folder))('vae');
  const config = parseAutoencoderConfig(await neededJson(files, `${place}/config.json`));
  const source = await readWeights(files, place);
  const rows = new Rows(bound);
  const model = await WanAutoencoder.load(device, source, config);
  try {
    const pixels = (name: string) => Float32Array.from(given.values(name).data);
    for (const output of given.order.filter((name) => name.startsWith('output'))) {
      const expected = given.values(output);
      const [, , T = 0, h = 0, w = 0] = expected.shape;
      const [, , height = 0, width = 0] = given.values('input.image').shape;
      const request = { numFrames: 4 * T - 3, height, width, latentShape: [config.zDim, T, h, w] as const };
      const last = output === 'output.last' ? pixels('input.last') : undefined;
      const made = await besidePixels(model, { first: pixels('input.image'), last }, request);
      rows.add(output, made, expected);
      made.dispose();
    }
  } finally {
    model.dispose();
    await source.close();
  }
  return rows.report(folder, 'condition');
}
