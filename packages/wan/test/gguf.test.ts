// A transformer out of a GGUF file, against the original library's output for the same weights in f16.
import { readFileSync } from 'node:fs';
import { Gguf } from '@moviegen/gguf';
import { Safetensors } from '@moviegen/safetensors';
import { Tensor } from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import { parseTransformerConfig, transformerSource, WanTransformer } from '@moviegen/wan';
import { expect, test } from 'vitest';

const fixtures = new URL('../fixtures/', import.meta.url).pathname;
const open = (path: string) => Safetensors.open(readFileSync(`${fixtures}${path}.safetensors`));

test('a GGUF file of eight bits is near', async () => {
  const device = await testDevice();
  const [inputs, outputs] = await Promise.all([open('t2v/expected/transformer'), open('original/expected')]);
  const floats = async (file: Safetensors, name: string) => new Float32Array((await file.read(name)).buffer);
  const tensor = async (name: string) => Tensor.from(device, await floats(inputs, name), inputs.shape(name));
  const config = JSON.parse(readFileSync(`${fixtures}t2v/transformer/config.json`, 'utf8'));
  const file = await Gguf.open(readFileSync(new URL('../../gguf/fixtures/wan.gguf', import.meta.url)));
  const model = await WanTransformer.load(device, transformerSource(file), parseTransformerConfig(config));
  const [x, t, states] = [await tensor('input.x'), await tensor('input.t'), await tensor('input.text')];
  const context = model.context({ states, lengths: [states.shape[1]!], textLength: 32 });
  const made = model.forward(x, t, context);
  const expected = await floats(outputs, 'comfy.transformer');
  expect(compareArrays(await made.read(), expected).error).toBeLessThan(0.02);
  for (const used of [x, t, states, context, made, model]) used.dispose();
});
