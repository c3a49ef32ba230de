// Broken checkpoints, and the error about each.

import { type Change, changed, json, TINY, taeFile } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import type { CheckpointFiles } from '../src/checkpointFiles.ts';
import { CheckpointError, MovieGen } from '../src/index.ts';

const device = await testDevice();

/** The error of loading a checkpoint; the device must be as it was. */
async function errorOf(source: string | CheckpointFiles): Promise<Error> {
  const { used } = device.memory();
  const error = await MovieGen.fromPretrained(source, { device }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  expect(device.memory().used).toBe(used);
  return error as Error;
}

const none: Change = () => undefined;

test('the tiny checkpoint loads as it is', async () => {
  (await MovieGen.fromPretrained(changed({}), { device })).dispose();
});

test.each<[string, Record<string, Change>, string]>([
  ['no index', { 'model_index.json': none }, 'checkpoint: checkpoint/model_index.json is missing'],
  [
    'an index that is not JSON',
    { 'model_index.json': () => '{' },
    'checkpoint: checkpoint/model_index.json is not JSON: ',
  ],
  [
    'an index that is not an object',
    { 'model_index.json': () => '[]' },
    'checkpoint: checkpoint/model_index.json must hold an object, got ',
  ],
  [
    'another pipeline’s index',
    {
      'model_index.json': json({
        _class_name: 'FluxPipeline',
        tae: '../tae',
        video: { width: 0 },
        sampler: 7,
      }),
    },
    `checkpoint: checkpoint/model_index.json is wrong:
  _class_name: got "FluxPipeline", expected "MovieGenPipeline"; is this another pipeline?
  sampler: got 7, expected an object
  tae: got "../tae", expected the name of a folder beside model_index.json, or ../NAME/FOLDER of the checkpoint beside it
  width: got 0, expected an integer of at least 1`,
  ],
  [
    'an unknown encoder',
    { 'model_index.json': json({ text_encoders: { bert: 'bert' } }) },
    'text_encoders: unknown encoder "bert", expected ul2, metaclip, byt5',
  ],
  ['no config', { 'tae/config.json': none }, 'checkpoint: checkpoint/tae/config.json is missing'],
  [
    'no weights',
    { 'tae/model.safetensors': none },
    'checkpoint: checkpoint/tae: safetensors open: there is no checkpoint',
  ],
  [
    'no tokenizer',
    { 'text_encoder_ul2/tokenizer.json': none },
    'checkpoint: checkpoint/text_encoder_ul2/tokenizer.json is missing',
  ],
  [
    'a tokenizer that is none',
    { 'text_encoder_metaclip/tokenizer.json': () => '{}' },
    'checkpoint: checkpoint/text_encoder_metaclip: tokenizer: this is not a tokenizer.json',
  ],
  [
    'a config of another model',
    { 'transformer/config.json': json({ _class_name: 'UNet2DConditionModel' }) },
    'checkpoint: checkpoint/transformer: dit: config is wrong:\n  _class_name: got "UNet2DConditionModel"',
  ],
  [
    'an encoder’s config that is wrong',
    { 'text_encoder_byt5/config.json': json({ num_layers: 'two' }) },
    'checkpoint: checkpoint/text_encoder_byt5: t5: config is wrong:\n  num_layers',
  ],
  [
    'models that do not fit one another',
    { 'tae/config.json': json({ latent_channels: 8 }) },
    'checkpoint: the transformer’s out_channels 4 and the TAE’s latent_channels 8 must be the same',
  ],
  [
    'an encoder of another width',
    { 'transformer/config.json': json({ text_dims: { ul2: 20, metaclip: 16, byt5: 64 } }) },
    'checkpoint: the transformer projects byt5 of width 64, but that encoder gives 12',
  ],
  [
    'a config that the weights do not fit',
    { 'transformer/config.json': json({ hidden_size: 16 }) },
    'checkpoint: checkpoint/transformer: its weights do not fit its config: ',
  ],
])('%s', async (_, changes, message) => {
  const error = await errorOf(changed(changes));
  expect(error).toBeInstanceOf(CheckpointError);
  expect(error.message.replaceAll("'", '’')).toContain(message);
});

test('all tensors that are missing, extra or misshapen stand in one error', async () => {
  const bytes = await taeFile((tensors) => {
    delete tensors['encoder.conv_in.bias'];
    delete tensors['decoder.conv_out.weight'];
    tensors['decoder.conv_in.bias'] = { dtype: 'F32', shape: [5], data: new Float32Array(5) };
    tensors['decoder.surplus'] = { dtype: 'F32', shape: [1], data: new Float32Array(1) };
  });
  const error = await errorOf(changed({ 'tae/model.safetensors': () => bytes }));
  expect(error).toBeInstanceOf(CheckpointError);
  expect(error.message).toContain('checkpoint: checkpoint/tae: ');
  for (const part of [
    '2 missing',
    '1 extra',
    '1 misshapen',
    'encoder.conv_in.bias',
    'decoder.conv_out.weight',
  ])
    expect(error.message).toContain(part);
  for (const part of ['decoder.surplus', 'decoder.conv_in.bias [5], expected [8]'])
    expect(error.message).toContain(part);
});

test('a malformed safetensors file', async () => {
  const error = await errorOf(
    changed({ 'tae/model.safetensors': (bytes) => new Uint8Array(bytes.subarray(0, -1)) }),
  );
  expect(error.message).toMatch(/^safetensors open checkpoint\/tae\/model\.safetensors: /);
});

test('a shard that is missing', async () => {
  const error = await errorOf(changed({ 'transformer/model-00002-of-00003.safetensors': none }));
  expect(error.message).toContain('shard "model-00002-of-00003.safetensors" is missing');
});

test('a place where there is nothing', async () => {
  expect((await errorOf('/no/such/folder')).message).toBe('checkpoint: there is no folder /no/such/folder');
  expect((await errorOf(`${TINY}/model_index.json`)).message).toBe(
    `checkpoint: ${TINY}/model_index.json is a file, not a folder: give ${TINY}, in which it lies`,
  );
});

test('single models in place of its own are refused, not ignored', async () => {
  await expect(MovieGen.fromPretrained(TINY, { device, parts: { vae: 'elsewhere' } })).rejects.toThrow(
    'checkpoint: single models (--transformer, --vae, --text-encoder) are for Wan: this is a Movie Gen checkpoint',
  );
});
