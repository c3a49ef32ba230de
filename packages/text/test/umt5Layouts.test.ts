// umT5 out of the files that people have, against what transformers gives for the same files.
import { readFileSync } from 'node:fs';
import { Safetensors } from '@moviegen/safetensors';
import { scaledSource } from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { parseT5Config, streamT5, T5Encoder, t5Source } from '../src/index.ts';

const device = await testDevice();
const fixtures = new URL('../../wan/fixtures/', import.meta.url).pathname;
const open = (path: string) => Safetensors.open(readFileSync(`${fixtures}${path}.safetensors`));
const config = parseT5Config(JSON.parse(readFileSync(`${fixtures}t2v/text_encoder/config.json`, 'utf8')));
const [given, outputs] = await Promise.all([open('t2v/expected/text'), open('original/expected')]);
const integers = async (name: string) => new Int32Array((await given.read(name)).buffer);
const [ids, mask] = [await integers('input.ids'), await integers('input.mask')];
const width = ids.length / 2;
const texts = [0, 1].map((b) =>
  [...ids.subarray(b * width, (b + 1) * width)].filter((_, i) => mask[b * width + i]),
);

test.each([
  ['comfy.text', 'original/comfy/umt5_fp8_scaled'],
  ['wan.text', 'original/wan/models_t5_umt5-xxl-enc'],
])('%s', async (name, path) => {
  const source = t5Source(await scaledSource(await open(path)));
  const expected = new Float32Array((await outputs.read(name)).buffer); // [2, L, D], zeros beyond each text
  const [, L, D] = outputs.shape(name) as [number, number, number];
  const model = await T5Encoder.load(device, source, config);
  for (const { states } of [model.forward(texts), await streamT5(device, source, config, texts)]) {
    const made = await states.read();
    const longest = states.shape[1]!;
    for (const [b, text] of texts.entries()) {
      const size = Math.min(text.length, L) * D;
      const own = Float32Array.from(made.slice(b * longest * D, b * longest * D + size));
      expect(compareArrays(own, expected.subarray(b * L * D, b * L * D + size)).error).toBeLessThan(2e-5);
    }
    states.dispose();
  }
  model.dispose();
});
