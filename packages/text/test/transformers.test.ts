// Configs that say a thing twice, or leave it out, and the states of CLIP that image models read: as transformers has them.
// Its answers, transformers.json, are made by reference/text_configs.py.

import { readFile } from 'node:fs/promises';
import { Safetensors, serialize } from '@moviegen/safetensors';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { type ClipTextConfig, ClipTextModel, parseClipTextConfig, parseT5Config } from '../src/index.ts';

const device = await testDevice();
type ClipNumber =
  | `${'vocab' | 'hidden' | 'intermediate'}_size`
  | `num_${'hidden_layers' | 'attention_heads'}`
  | 'max_position_embeddings'
  | 'layer_norm_eps'
  | `${'pad' | 'eos'}_token_id`;
interface Made {
  readonly t5: readonly { config: object; dense_act_fn: string; is_gated_act: boolean }[];
  readonly clip: readonly {
    config: object;
    text: { readonly hidden_act: string } & Record<ClipNumber, number>;
  }[];
  readonly states: readonly ({
    readonly config: { readonly projection_dim: number; readonly eos_token_id: number };
    readonly ids: number[][];
  } & Record<'states' | 'penultimate' | 'pooled' | 'projected', number[]>)[];
}
const made: Made = JSON.parse(await readFile(new URL('transformers.json', import.meta.url), 'utf8'));
const OURS: Record<string, string> = {
  gelu_new: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  quick_gelu: 'quick-gelu',
};
const ours = (name: string) => (OURS[name] ?? name) as ClipTextConfig['activation'];

test.each([...made.t5])('T5: %j', ({ config, dense_act_fn, is_gated_act }) => {
  expect(parseT5Config(config)).toMatchObject({ activation: ours(dense_act_fn), gated: is_gated_act });
});

test.each([...made.clip])('CLIP: %j', ({ config, text }) => {
  expect(parseClipTextConfig(config)).toEqual({
    vocabSize: text.vocab_size,
    hiddenSize: text.hidden_size,
    numLayers: text.num_hidden_layers,
    numHeads: text.num_attention_heads,
    ffnHiddenSize: text.intermediate_size,
    activation: ours(text.hidden_act),
    normEps: text.layer_norm_eps,
    maxPositions: text.max_position_embeddings,
    padTokenId: text.pad_token_id,
    eosTokenId: text.eos_token_id,
  } satisfies ClipTextConfig);
});

/** A tower with the weights of the script's formula. */
async function tower(json: { readonly projection_dim: number }, projection: boolean) {
  const config = parseClipTextConfig(json);
  const shapes = Object.entries(ClipTextModel.weightShapes(config)).map(
    ([name, shape]) => [`text_model.${name}`, shape] as const,
  );
  const all = [...shapes, ['text_projection.weight', [json.projection_dim, config.hiddenSize]] as const];
  const tensors = all.map(([name, shape]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, (_, i) => Math.sin(0.7 * i + name.length) * 0.5);
    return [name, { dtype: 'F32', shape, data }] as const;
  });
  return ClipTextModel.load(device, await Safetensors.open(serialize(tensors)), config, { projection });
}

test.each([...made.states])(
  'CLIP, end token $config.eos_token_id: states, penultimate, pooled and projected',
  async ({ config, ids, ...expected }) => {
    const { used } = device.memory();
    const model = await tower(config, true);
    const { lengths, ...features } = model.features(ids);
    expect(lengths).toEqual([5, 5]);
    for (const [name, tensor] of Object.entries(features)) {
      const values = await tensor!.read();
      expect(values).toHaveLength(expected[name as keyof typeof expected].length);
      for (const [i, value] of values.entries())
        expect(value, `${name} ${i}`).toBeCloseTo(expected[name as keyof typeof expected][i]!, 4);
      tensor!.dispose();
    }
    model.dispose();
    expect(device.memory().used).toBe(used);
  },
);

test('without the projection none is given; without an end token nothing', async () => {
  const model = await tower(made.states[0]!.config, false);
  const { states, penultimate, pooled, projected } = model.features([[1, 5]]);
  expect(projected).toBeUndefined();
  for (const tensor of [states, penultimate, pooled]) tensor.dispose();
  expect(() =>
    model.features([
      [1, 5],
      [1, 7],
    ]),
  ).toThrow('clip.features: text 1 has no end token: expected the id 5 in [1, 7]');
  model.dispose();
});
