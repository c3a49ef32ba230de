// A LoRA in diffusers' names, merged while the transformer is loaded, against diffusers with the same LoRA.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openCheckpoint, Safetensors } from '@moviegen/safetensors';
import { folder as openFolder } from '@moviegen/safetensors/node';
import { scopeAsync, Tensor, type WeightSource } from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import { parseTransformerConfig, StreamedWanTransformer, WanTransformer } from '@moviegen/wan';
import { expect, test } from 'vitest';

const path = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const open = (name: string) => Safetensors.open(new Uint8Array(readFileSync(path(name))));
const f32 = async (file: WeightSource, name: string) =>
  new Float32Array((await file.read(name)).slice().buffer);

test.each([undefined, 1])('at two weights; layers that stay: %s', async (resident) => {
  const device = await testDevice();
  const config = parseTransformerConfig(
    JSON.parse(readFileSync(path('t2v/transformer/config.json'), 'utf8')),
  );
  const [given, expected, lora] = await Promise.all(
    ['t2v/expected/transformer', 'lora/expected', 'lora/diffusers'].map((name) =>
      open(`${name}.safetensors`),
    ),
  );
  const source = await openCheckpoint(openFolder(path('t2v/transformer')));
  await scopeAsync(device, async () => {
    const upload = async (name: string) => Tensor.from(device, await f32(given!, name), given!.shape(name));
    const [x, t, states] = [await upload('input.x'), await upload('input.t'), await upload('input.text')];
    for (const weight of [1, 0.5]) {
      const loras = [{ source: lora!, weight }];
      const model =
        resident === undefined
          ? await WanTransformer.load(device, source, config, { loras })
          : await StreamedWanTransformer.load(device, source, config, { loras, resident });
      const streams = model instanceof StreamedWanTransformer;
      const conditions = { states, lengths: [states.shape[1]!], textLength: 32 };
      const context = streams ? await model.contextAsync(conditions) : model.context(conditions);
      const got = await (await model.forwardAsync(x, t, context)).read();
      const wanted = await f32(expected!, `diffusers@${weight.toFixed(1)}`);
      expect(compareArrays(got, wanted).error).toBeLessThan(2e-4);
      for (const used of [context, model]) used.dispose();
    }
  });
  await source.close();
});
