// Public text encoders from folders as transformers saves them, sharded and with their tokenizers: texts become the states
// that transformers itself computes. @moviegen/text compares them layer by layer.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memorySource, serialize } from '@moviegen/safetensors';
import { openFile } from '@moviegen/safetensors/node';
import { testDevice } from '@moviegen/testing/device';
import { ClipTextModel, parseClipTextConfig, parseT5Config, T5Encoder } from '@moviegen/text';
import { afterAll, expect, test } from 'vitest';
import type { CheckpointFiles } from '../src/checkpointFiles.ts';
import { CheckpointError, InputError, type ModelFiles, openModel, TextModel } from '../src/index.ts';

const device = await testDevice();
const { used } = device.memory();
afterAll(() => expect(device.memory().used).toBe(used));
const root = fileURLToPath(new URL('../fixtures/text-pretrained', import.meta.url));
const folderOf = (name: string) => join(root, name);

/** What transformers makes of the fixture's texts. */
async function expectedOf(name: string) {
  const folder = join(folderOf(name), 'expected');
  const file = await openFile(join(folder, 'states.safetensors'));
  const numbers = async <T>(tensor: string, View: new (buffer: ArrayBuffer) => T) =>
    new View((await file.read(tensor)).slice().buffer);
  const [states, ids, mask] = [
    await numbers('last_hidden_state', Float32Array),
    await numbers('input_ids', Int32Array),
    await numbers('attention_mask', Int32Array),
  ];
  const [B, L, D] = file.shape('last_hidden_state') as [number, number, number];
  await file.close();
  const texts: string[] = JSON.parse(await readFile(join(folder, 'texts.json'), 'utf8'));
  const rows = Array.from({ length: B }, (_, b) => {
    const length = mask.subarray(b * L, (b + 1) * L).reduce((sum, value) => sum + value, 0);
    return {
      ids: [...ids.subarray(b * L, b * L + length)],
      states: states.subarray(b * L * D, (b * L + length) * D),
    };
  });
  return { texts, rows, L, D };
}

test.each([
  ['t5', T5Encoder, 18],
  ['byt5', T5Encoder, 40],
  ['clip', ClipTextModel, 20],
] as const)('%s: tokens and states of texts, as transformers gives them', async (name, kind, longest) => {
  const { texts, rows, L, D } = await expectedOf(name);
  const model = await TextModel.fromPretrained(folderOf(name), { device });
  expect(model.model).toBeInstanceOf(kind);
  expect(model.maxLength).toBe(longest);
  for (const [b, text] of texts.entries()) expect(model.tokenize(text)).toEqual(rows[b]!.ids);
  const { states, lengths } = model.encode(texts);
  expect(states.shape).toEqual([texts.length, L, D]);
  expect(lengths).toEqual(rows.map(({ ids }) => ids.length));
  const values = await states.read();
  for (const [b, { states: right }] of rows.entries()) {
    const largest = right.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const off = right.reduce((most, value, i) => Math.max(most, Math.abs(value - values[b * L * D + i]!)), 0);
    expect(off / largest).toBeLessThan(1e-4);
  }
  states.dispose();
  model.dispose();
});

test('the models of @moviegen/text take what openModel opens', async () => {
  const t5 = ({ config, weights }: ModelFiles) => T5Encoder.load(device, weights, parseT5Config(config));
  const clip = async ({ config, weights }: ModelFiles) =>
    ClipTextModel.load(device, weights, parseClipTextConfig(config));
  for (const [name, load] of [
    ['byt5', t5],
    ['clip', clip],
  ] as const) {
    const files = await openModel(folderOf(name));
    const model = await load(files);
    await files.close();
    model.forward([[1, 2]]).states.dispose();
    model.dispose();
  }
  const files = await openModel(folderOf('t5'));
  await expect(clip(files)).rejects.toThrow(
    'clip: config is wrong: model_type: got "t5", expected clip_text_model or clip',
  );
  await files.close();
});

/** A folder of the fixture with some files changed; null takes one away. */
const changed = (name: string, changes: Record<string, string | null>): CheckpointFiles => ({
  label: name,
  folder: () => async (file) => {
    const change = changes[file];
    if (change === null) return undefined;
    if (change !== undefined) return memorySource(new TextEncoder().encode(change), file);
    const bytes = await readFile(join(folderOf(name), file)).catch(() => undefined);
    return bytes && memorySource(bytes, file);
  },
});

test.each([
  ['OpenCLIP or the original CLIP', 'transformer.resblocks.0.attn.in_proj_weight'],
  ['llama.cpp (GGUF)', 'enc.blk.0.attn_q.weight'],
  ['a whole pipeline in one file (the original Stable Diffusion, ComfyUI)', 'cond_stage_model.x.weight'],
  ['Flax or T5X', 'encoder.block.0.layer.0.SelfAttention.q.kernel'],
  ['bitsandbytes', 'encoder.block.0.layer.0.SelfAttention.q.weight.absmax'],
])('weights of %s: one line instead of a list', async (layout, name) => {
  const weights = serialize({ [name]: { dtype: 'F32', shape: [1], data: new Float32Array(1) } });
  const config = await readFile(join(folderOf('t5'), 'config.json'));
  const held = new Map<string, Uint8Array>([
    ['config.json', config],
    ['model.safetensors', new Uint8Array(weights)],
  ]);
  const files: CheckpointFiles = {
    label: 'x',
    folder: () => async (file) =>
      held.has(file) ? memorySource(new Uint8Array(held.get(file)!), file) : undefined,
  };
  await expect(TextModel.fromPretrained(files, { device })).rejects.toThrow(
    new CheckpointError(
      `checkpoint: x: its weights have the names of ${layout}, like ${name}: give the folder that transformers or diffusers writes with save_pretrained`,
    ),
  );
});

test('a folder without a tokenizer takes ids', async () => {
  const model = await TextModel.fromPretrained(changed('t5', { 'tokenizer.json': null }), { device });
  expect(() => model.encode(['a'])).toThrow(
    new InputError('text: t5 holds no tokenizer.json: give token ids to model.forward'),
  );
  model.model.forward([[1]]).states.dispose();
  model.dispose();
});

test('a CLIP whose tokenizer names no length cuts at its positions', async () => {
  const model = await TextModel.fromPretrained(changed('clip', { 'tokenizer_config.json': null }), {
    device,
  });
  expect(model.tokenize('a blue square '.repeat(9))).toHaveLength(20);
  model.dispose();
});

test.each<[string, CheckpointFiles, string]>([
  [
    'another model',
    changed('t5', { 'config.json': '{"model_type":"bert"}' }),
    'checkpoint: t5/config.json: model_type: got "bert", expected t5, mt5, umt5, clip or clip_text_model',
  ],
  [
    'a whole pipeline',
    changed('t5', {
      'config.json': null,
      'model_index.json': '{"_class_name":"P","text_encoder":["transformers","T5"]}',
    }),
    'checkpoint: t5 holds a whole pipeline: give the folder of one model in it (model_index.json names them), or the option folder',
  ],
  [
    'no kind',
    changed('t5', { 'config.json': '{}' }),
    'checkpoint: t5/config.json: model_type: got none, expected t5, mt5, umt5, clip or clip_text_model',
  ],
  [
    'a tokenizer that is none',
    changed('clip', { 'tokenizer.json': '{}' }),
    'checkpoint: clip: tokenizer: this is not a tokenizer.json: expected an object with a model',
  ],
  ['no config', changed('clip', { 'config.json': null }), 'checkpoint: clip/config.json is missing'],
  [
    'a shard that is missing',
    changed('clip', { 'model-00002-of-00002.safetensors': null }),
    'shard "model-00002-of-00002.safetensors" is missing',
  ],
])('%s: one line', async (_, files, message) => {
  const error = await TextModel.fromPretrained(files, { device }).then(
    () => undefined,
    (reason: unknown) => reason as Error,
  );
  expect(error?.message).toContain(message);
  expect(error?.message).not.toContain('\n');
  if (message.startsWith('checkpoint')) expect(error).toBeInstanceOf(CheckpointError);
});
