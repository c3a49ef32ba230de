// The three encoders together, on the fixtures' small weights and tokenizers, and on the errors of bad files.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Safetensors, serialize } from '@moviegen/safetensors';
import { ConfigError, scope, type Tensor } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { describe, expect, test } from 'vitest';
import {
  byt5Ids,
  ClipTextModel,
  type PaddedStates,
  parseClipTextConfig,
  parseT5Config,
  T5Encoder,
  TextEncoders,
} from '../src/index.ts';

const device = await testDevice();
const path = (name: string) => fileURLToPath(new URL(`../../moviegen/fixtures/${name}`, import.meta.url));
const json = async (name: string) => JSON.parse(await readFile(path(name), 'utf8'));
const files = async (folder: string, change: Record<string, unknown> = {}) => ({
  config: { ...(await json(`${folder}/config.json`)), ...change },
  weights: await Safetensors.open(await readFile(path(`${folder}/model.safetensors`))),
});

/** Random weights of a configuration, as a checkpoint in memory. */
async function randomWeights(shapes: Record<string, readonly number[]>) {
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + name.length) * 0.2);
    return [name, { dtype: 'F32', shape, data }] as const;
  });
  return Safetensors.open(serialize(tensors));
}

const unigram = await json('tokenizer/unigram/tokenizer.json');
const clip = await json('tokenizer/clip/tokenizer.json');
const t5Sizes = {
  d_model: 16,
  d_kv: 8,
  num_heads: 2,
  d_ff: 24,
  num_layers: 1,
  feed_forward_proj: 'gated-silu',
};
const clipSizes = { hidden_size: 16, num_attention_heads: 2, intermediate_size: 24, num_hidden_layers: 1 };
const ul2 = { config: { ...t5Sizes, vocab_size: 600 }, tokenizer: unigram };
const metaclip = { config: { ...clipSizes, vocab_size: 1200, max_position_embeddings: 12 }, tokenizer: clip };

async function loadAll(options: Parameters<typeof TextEncoders.load>[2] = {}) {
  const t5 = await randomWeights(T5Encoder.weightShapes(parseT5Config(ul2.config)));
  const tower = await randomWeights(ClipTextModel.weightShapes(parseClipTextConfig(metaclip.config)));
  return TextEncoders.load(
    device,
    {
      ul2: { ...ul2, weights: t5 },
      metaclip: { ...metaclip, weights: tower },
      byt5: await files('t5-gated-gelu'),
    },
    options,
  );
}

const rowsOf = async ({ states, lengths }: PaddedStates, b: number) => {
  const [, L = 0, D = 0] = states.shape;
  return (await states.read()).slice(b * L * D, (b * L + lengths[b]!) * D);
};

function expectClose(a: ArrayLike<number>, b: ArrayLike<number>): void {
  expect(a.length).toBe(b.length);
  let [difference, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  expect(difference / largest).toBeLessThan(1e-5); // the same sums in another tiling
}

describe('encode', async () => {
  const encoders = await loadAll();

  test('each prompt in a batch is as alone, whatever the others are', async () => {
    const prompts = ['', 'a red ball', 'the word "HI" moves up, and "ok" stays'];
    const batch = encoders.encode(prompts, { fps: 16 });
    expect(Object.keys(batch)).toEqual(['ul2', 'metaclip', 'byt5']);
    expect(batch.byt5!.lengths).toEqual([0, 0, 6]);
    for (const [b, prompt] of prompts.entries()) {
      const alone = encoders.encode([prompt], { fps: 16 });
      expect(Object.hasOwn(alone, 'byt5')).toBe(b === 2);
      for (const name of Object.keys(alone) as (keyof typeof alone)[]) {
        expectClose(await rowsOf(batch[name]!, b), await rowsOf(alone[name]!, 0));
      }
    }
  });

  test('tokens: the frame rate before a prompt, none before the null prompt, cut at the positions there are', () => {
    const tokens = encoders.tokenize(['', 'a "HI" red ball moves right on a white background'], { fps: 24 });
    expect(tokens.ul2![0]).toEqual([1]);
    expect(tokens.metaclip![0]!.length).toBe(2);
    expect(tokens.byt5).toEqual([[], byt5Ids('HI')]);
    expect(tokens.metaclip![1]!.length).toBe(12);
    expect(tokens.metaclip![1]!.at(-1)).toBe(tokens.metaclip![0]![1]);
    const other = encoders.tokenize(['a "HI" red ball moves right on a white background'], { fps: 16 });
    expect(other.ul2![0]).not.toEqual(tokens.ul2![1]);
  });

  test('widths, and memory given back', async () => {
    expect(encoders.dims).toEqual({ ul2: 16, metaclip: 16, byt5: 24 });
    const before = device.memory().used;
    scope(device, () => {
      encoders.encode(['', 'a "red" ball'], { fps: 16 });
    });
    await device.sync();
    expect(device.memory().used).toBe(before);
  });
});

test('options: lengths, quotes taken out, progress, encoders left out', async () => {
  const loaded: string[] = [];
  const encoders = await loadAll({
    maxLength: { ul2: 5, byt5: 3 },
    stripQuoted: true,
    onProgress: (encoder, { bytes, totalBytes }) => {
      if (bytes === totalBytes) loaded.push(encoder);
    },
  });
  expect(loaded).toEqual(['ul2', 'metaclip', 'byt5']);
  const tokens = encoders.tokenize(['a "HIGH" ball', 'a ball'], { fps: 16 });
  expect(tokens.ul2![0]!.length).toBe(5);
  expect(tokens.byt5![0]).toEqual(byt5Ids('HIGH', 3));
  expect(tokens.metaclip![0]).toEqual(tokens.metaclip![1]);
  encoders.dispose();
  const only = await TextEncoders.load(device, { byt5: await files('t5-gated-gelu') });
  expect(only.encode(['no quotes'], { fps: 16 })).toEqual({});
  only.dispose();
});

test('weights are released, also where a later encoder cannot be loaded', async () => {
  await device.sync();
  const before = device.memory().used;
  const encoders = await loadAll();
  expect(device.memory().used).toBeGreaterThan(before);
  encoders.dispose();
  await device.sync();
  expect(device.memory().used).toBe(before);
  const weights = await randomWeights(T5Encoder.weightShapes(parseT5Config(ul2.config)));
  const byt5 = await files('t5-gated-gelu', { d_ff: 34 });
  const broken = TextEncoders.load(device, { ul2: { ...ul2, weights }, byt5 });
  await expect(broken).rejects.toThrow('wi_0.weight [33, 24], expected [34, 24]');
  await device.sync();
  expect(device.memory().used).toBe(before);
});

describe('configurations', () => {
  test('all that is wrong is in one error', () => {
    expect(() =>
      parseT5Config({ model_type: 't5', vocab_size: 8, d_model: 1.5, feed_forward_proj: 'gated-swish2' }),
    ).toThrow(/feed_forward_proj: got "gated-swish2"[\s\S]*d_model: got 1.5[\s\S]*num_layers: got undefined/);
    expect(() => parseT5Config([])).toThrow('t5: config must be an object, got []');
    expect(() => parseClipTextConfig({ hidden_size: 30, num_attention_heads: 4 })).toThrow(
      'num_attention_heads: got 4, expected a divisor of hidden_size 30',
    );
    // Of another model nothing else is said: one line.
    expect(() => parseClipTextConfig({ model_type: 't5' })).toThrow(
      new ConfigError(
        'clip: config is wrong: model_type: got "t5", expected clip_text_model or clip; is this another model\'s config?',
      ),
    );
    expect(() => parseT5Config({ model_type: 'bert' })).toThrow(/^t5: config is wrong: model_type: .*$/);
    expect(() => parseT5Config({ _class_name: 'AutoencoderKL' })).toThrow(
      't5: config is wrong: _class_name: got "AutoencoderKL", expected t5 or mt5 or umt5',
    );
  });

  test('every value is read', async () => {
    const given = { ...(await json('t5-relu/config.json')), layer_norm_epsilon: 1e-3, pad_token_id: 5 };
    expect(parseT5Config(given)).toEqual({
      vocabSize: 48,
      hiddenSize: 16,
      numLayers: 2,
      numHeads: 2,
      headSize: 8,
      ffnHiddenSize: 24,
      activation: 'relu',
      gated: false,
      normEps: 1e-3,
      numBuckets: 8,
      maxDistance: 20,
      biasPerLayer: false,
      padTokenId: 5,
    });
    const changed = { ...(await json('clip-gelu-256/config.json')), layer_norm_eps: 1e-3 };
    expect(parseClipTextConfig(changed)).toEqual({
      vocabSize: 99,
      hiddenSize: 36,
      numLayers: 2,
      numHeads: 3,
      ffnHiddenSize: 41,
      activation: 'gelu',
      normEps: 1e-3,
      maxPositions: 256,
      padTokenId: 96,
      eosTokenId: 98,
    });
  });

  test('public ones: UL2, ByT5, T5, long CLIP', () => {
    const google = {
      vocab_size: 32128,
      d_model: 4096,
      d_kv: 256,
      d_ff: 16384,
      num_layers: 32,
      num_heads: 16,
    };
    const big = parseT5Config({ ...google, model_type: 't5', feed_forward_proj: 'gated-silu' });
    expect(big).toMatchObject({ gated: true, activation: 'silu', headSize: 256, maxDistance: 128 });
    const sizes = Object.values(T5Encoder.weightShapes(big)).map((shape) => shape.reduce((a, b) => a * b, 1));
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(
      32128 * 4096 + 32 * (4 * 4096 ** 2 + 3 * 4096 * 16384 + 8192) + 4608,
    );
    expect(parseT5Config({ ...google, feed_forward_proj: 'gated-gelu' }).activation).toBe('gelu-tanh');
    // As transformers reads them: `dense_act_fn` and `is_gated_act`, where a saved config has them, win.
    const gatedGelu = { ...google, feed_forward_proj: 'gated-gelu' };
    expect(parseT5Config({ ...gatedGelu, dense_act_fn: 'gelu_new' }).activation).toBe('gelu-tanh');
    expect(parseT5Config({ ...gatedGelu, dense_act_fn: 'gelu' })).toMatchObject({
      activation: 'gelu',
      gated: true,
    });
    expect(parseT5Config({ ...gatedGelu, dense_act_fn: 'relu', is_gated_act: false })).toMatchObject({
      activation: 'relu',
      gated: false,
    });
    expect(() => parseT5Config({ ...gatedGelu, dense_act_fn: 'mish' })).toThrow(/dense_act_fn: got "mish"/);
    const { feed_forward_proj: _, ...bare } = { ...google, feed_forward_proj: '' };
    expect(parseT5Config({ ...bare, model_type: 'mt5' })).toMatchObject({
      activation: 'gelu-tanh',
      gated: true,
    });
    expect(parseT5Config({ ...bare, model_type: 't5' })).toMatchObject({ activation: 'relu', gated: false });
    expect(parseT5Config({ ...google, feed_forward_proj: 'gelu' })).toMatchObject({
      gated: false,
      activation: 'gelu',
    });
    expect(parseT5Config(google)).toMatchObject({ gated: false, activation: 'relu' });
    const old = {
      model_type: 'clip',
      text_config: { hidden_size: 64 },
      text_config_dict: { hidden_size: 32 },
    };
    expect(parseClipTextConfig(old).hiddenSize).toBe(32);
    expect(parseClipTextConfig({ ...old, text_config_dict: null }).hiddenSize).toBe(64);
    const whole = { model_type: 'clip', text_config: { max_position_embeddings: 256, hidden_act: 'gelu' } };
    expect(parseClipTextConfig(whole)).toMatchObject({
      maxPositions: 256,
      activation: 'gelu',
      hiddenSize: 512,
    });
  });
});

describe('forward refuses', async () => {
  const { config, weights } = await files('clip-quick-gelu');
  const tower = await ClipTextModel.load(device, weights, parseClipTextConfig(config));
  test.each<[string, number[][], string]>([
    ['nothing', [], 'clip: no tokens: got 0 texts'],
    ['only empty texts', [[], []], 'clip: no tokens: got 2 texts'],
    [
      'an id beyond the vocabulary',
      [[97, 99]],
      'clip: token 1 of text 0 is 99, expected an integer below 99',
    ],
    ['a fraction', [[97], [0.5]], 'clip: token 0 of text 1 is 0.5'],
    [
      'more tokens than positions',
      [new Array(78).fill(1)],
      'clip: too long: got 78 tokens, expected at most 77',
    ],
  ])('%s', (_, texts, message) => {
    expect(() => tower.forward(texts)).toThrow(message);
  });

  test('and shows its inside only where asked', () => {
    const names: string[] = [];
    const trace = (name: string, _: Tensor) => names.push(name);
    tower.forward([[97, 98]], { trace }).states.dispose();
    expect(names.slice(0, 2)).toEqual(['embeddings', 'encoder.layers.0.layer_norm1']);
  });
});

test.each([
  [
    'T5',
    async (num_layers: number) => {
      const config = parseT5Config({ ...ul2.config, num_layers });
      return T5Encoder.load(device, await randomWeights(T5Encoder.weightShapes(config)), config);
    },
  ],
  [
    'CLIP',
    async (num_hidden_layers: number) => {
      const config = parseClipTextConfig({ ...metaclip.config, num_hidden_layers });
      return ClipTextModel.load(device, await randomWeights(ClipTextModel.weightShapes(config)), config);
    },
  ],
])('%s takes no more memory for more layers, but for their weights', async (_, load) => {
  const peaks: number[] = [];
  for (const layers of [2, 7]) {
    const encoder = await load(layers);
    const { used } = device.memory();
    device.resetPeak();
    encoder.forward([[3, 5, 7, 1]]).states.dispose();
    await device.sync();
    peaks.push(device.memory().peakUsed - used);
    encoder.dispose();
  }
  expect(peaks[0]).toBeGreaterThan(0);
  expect(peaks[1]).toBe(peaks[0]);
});

test('weights that are laid out in parts are given back too', async () => {
  const limits = device.limits as { maxStorageBufferBindingSize: number };
  const adapters = limits.maxStorageBufferBindingSize;
  limits.maxStorageBufferBindingSize = 1024;
  const { used } = device.memory();
  try {
    const config = parseT5Config(ul2.config);
    const t5 = await T5Encoder.load(device, await randomWeights(T5Encoder.weightShapes(config)), config);
    const clipConfig = parseClipTextConfig(metaclip.config);
    const weights = await randomWeights(ClipTextModel.weightShapes(clipConfig));
    const tower = await ClipTextModel.load(device, weights, clipConfig);
    t5.dispose();
    tower.dispose();
    expect(device.memory().used).toBe(used);
  } finally {
    limits.maxStorageBufferBindingSize = adapters;
  }
});
