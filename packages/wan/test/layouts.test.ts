// Models out of the files that people have, and with LoRAs, against the original libraries' outputs for the same files.
import { readFileSync } from 'node:fs';
import { Gguf } from '@moviegen/gguf';
import { Safetensors } from '@moviegen/safetensors';
import { type Lora, Tensor, type WeightSource } from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import {
  autoencoderSource,
  parseAutoencoderConfig,
  parseTransformerConfig,
  transformerSource,
  WanAutoencoder,
  WanTransformer,
} from '@moviegen/wan';
import { expect, test } from 'vitest';

const device = await testDevice();
const fixtures = new URL('../fixtures/', import.meta.url).pathname;
const open = (path: string) => Safetensors.open(readFileSync(`${fixtures}${path}.safetensors`));
const json = (path: string) => JSON.parse(readFileSync(`${fixtures}${path}.json`, 'utf8'));
const config = parseTransformerConfig(json('t2v/transformer/config'));
const [inputs, outputs, merged] = await Promise.all([
  open('t2v/expected/transformer'),
  open('original/expected'),
  open('lora/expected'),
]);
const floats = async (file: Safetensors, name: string) => new Float32Array((await file.read(name)).buffer);
const tensor = async (file: Safetensors, name: string, shape = file.shape(name)) =>
  Tensor.from(device, await floats(file, name), shape);

/** The transformer's output for the fixture's inputs. */
async function output(source: WeightSource, loras: readonly Lora[] = []): Promise<Float32Array> {
  const model = await WanTransformer.load(device, transformerSource(source), config, { loras });
  const [x, t, states] = [
    await tensor(inputs, 'input.x'),
    await tensor(inputs, 'input.t'),
    await tensor(inputs, 'input.text'),
  ];
  const context = model.context({ states, lengths: [states.shape[1]!], textLength: 32 });
  const made = model.forward(x, t, context);
  const values = Float32Array.from(await made.read());
  for (const used of [x, t, states, context, made, model]) used.dispose();
  return values;
}

test("ComfyUI's file", async () => {
  const made = await output(await open('original/comfy/wan_t2v_fp16'));
  expect(compareArrays(made, await floats(outputs, 'comfy.transformer')).error).toBeLessThan(2e-4);
});

test('a GGUF file of eight bits is near', async () => {
  const file = await Gguf.open(readFileSync(new URL('../../gguf/fixtures/wan.gguf', import.meta.url)));
  const made = await output(file);
  expect(compareArrays(made, await floats(outputs, 'comfy.transformer')).error).toBeLessThan(0.02);
});

test.each(merged.names())('a LoRA, %s', async (name) => {
  const [layout, weight] = name.split('@');
  const base = await open('t2v/transformer/diffusion_pytorch_model');
  const made = await output(base, [{ source: await open(`lora/${layout}`), weight: Number(weight) }]);
  expect(compareArrays(made, await floats(merged, name)).error).toBeLessThan(2e-4);
});

test("the original repository's autoencoder", async () => {
  const source = autoencoderSource(await open('original/wan/Wan2.1_VAE'));
  const model = await WanAutoencoder.load(device, source, parseAutoencoderConfig(json('t2v/vae/config')));
  const given = await open('t2v/expected/vae-5');
  const [x, z] = [await tensor(given, 'input.x'), await tensor(given, 'input.z')];
  const scaled = model.normalize(z);
  const [codes, video] = [model.encode(x), model.decode(scaled)];
  const mean = Float32Array.from(await codes.mean.read());
  expect(compareArrays(mean, await floats(outputs, 'wan.vae.mean')).error).toBeLessThan(2e-4);
  expect(
    compareArrays(Float32Array.from(await video.read()), await floats(outputs, 'wan.vae.video')).error,
  ).toBeLessThan(2e-4);
  for (const used of [x, z, scaled, codes.mean, codes.logvar, video, model]) used.dispose();
});
