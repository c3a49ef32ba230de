// States of prompts in a file: they are those of the original library, and a pipeline that was opened without its text encoder
// makes the same video of them. The case is the fixture's pipeline run.

import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesToFloats } from '@moviegen/kernels';
import { serialize } from '@moviegen/safetensors';
import { openFile } from '@moviegen/safetensors/node';
import { TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, describe, expect, test } from 'vitest';
import { encodePrompt, promptStatesFile, readPromptStates, VideoPipeline } from '../src/index.ts';
import { same } from './tinyPipeline.ts';

const device = await testDevice();
const { used } = device.memory();
const T2V = fileURLToPath(new URL('../../wan/fixtures/t2v', import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'states-'));
afterAll(async () => {
  expect(device.memory().used).toBe(used);
  await rm(scratch, { recursive: true, force: true });
});

const run = JSON.parse(await readFile(join(T2V, 'expected', 'pipeline.json'), 'utf8'));
const [prompt, negativePrompt]: string[] = [run.prompt, run.negative];
const size = { width: run.size[1], height: run.size[0], numFrames: run.frames, steps: 2 };
const states = await encodePrompt(T2V, prompt!, { device, negativePrompt: negativePrompt! });

test('the states are those of the original library; the encoder’s folder alone gives them too', async () => {
  const file = await openFile(join(T2V, 'expected', 'pipeline.safetensors'));
  for (const [name, { data, shape }] of [
    ['text', states.prompt],
    ['text.negative', states.negativePrompt],
  ] as const) {
    const theirs = bytesToFloats(await file.read(name), 'F32');
    const [, , E] = file.shape(name);
    expect(shape[1]).toBe(E);
    const worst = theirs.reduce((most, value, i) => Math.max(most, Math.abs(value - (data[i] ?? 0))), 0); // zeros follow
    expect(worst).toBeLessThan(1e-4);
  }
  await file.close();
  const alone = await encodePrompt(join(T2V, 'text_encoder'), prompt!, { device });
  expect(alone.prompt).toEqual(states.prompt);
  expect(alone.negativePrompt).toMatchObject({ text: '', shape: [1, states.prompt.shape[1]] });
});

test('an encoder in every layout: an original repository, single files with a tokenizer elsewhere', async () => {
  const original = fileURLToPath(new URL('../../wan/fixtures/original/', import.meta.url));
  const folder = join(scratch, 'original');
  await cp(join(original, 'wan'), folder, { recursive: true });
  const tokenizer = join(T2V, 'tokenizer');
  const fp8 = join(original, 'comfy/umt5_fp8_scaled.safetensors');
  await expect(encodePrompt(folder, prompt!, { device })).rejects.toThrow('tokenizer.json is missing');
  await expect(encodePrompt(fp8, prompt!, { device })).rejects.toThrow('the tokenizer is not given');
  const exact = [await encodePrompt(folder, prompt!, { device, tokenizer })];
  await cp(tokenizer, join(folder, 'google/umt5-xxl'), { recursive: true });
  exact.push(await encodePrompt(folder, prompt!, { device }));
  for (const { prompt: made } of exact) expect(made).toEqual(states.prompt);
  const rounded = [
    await encodePrompt(fp8, prompt!, { device, tokenizer }),
    await encodePrompt({ textEncoder: fp8 }, prompt!, { device, tokenizer }),
    await encodePrompt(T2V, prompt!, { device, parts: { textEncoder: fp8 } }),
  ];
  const { data } = states.prompt;
  for (const { prompt: made } of rounded) {
    const worst = made.data.reduce((most, value, i) => Math.max(most, Math.abs(value - data[i]!)), 0);
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(0.3); // of 3 mantissa bits
  }
  const wrong = join(original, 'wan/Wan2.1_VAE.safetensors');
  await expect(encodePrompt(wrong, prompt!, { device, tokenizer })).rejects.toThrow(
    'expected the text encoder umT5',
  );
});

describe('a checkpoint whose encoder is not there', async () => {
  const folder = join(scratch, 'bare');
  await cp(T2V, folder, { recursive: true });
  for (const part of ['text_encoder', 'tokenizer']) await rm(join(folder, part), { recursive: true });
  await expect(VideoPipeline.fromPretrained(folder, { device })).rejects.toThrow('tokenizer.json is missing');
  const bare = await VideoPipeline.fromPretrained(folder, { device, textEncoder: false });
  afterAll(() => bare.dispose());

  test('makes the same video of states that went through a file', async () => {
    const whole = await VideoPipeline.fromPretrained(T2V, { device });
    const plain = await whole.generate(prompt!, { ...size, negativePrompt: negativePrompt! });
    whole.dispose();
    const promptStates = await readPromptStates(promptStatesFile(states));
    const { notes, ...kept } = states;
    expect([notes, promptStates]).toEqual([undefined, kept]);
    const made = await bare.generate(prompt!, { ...size, promptStates }); // with its negative prompt
    expect(same(made.frames, plain.frames)).toBe(true);
  });

  test('says what is missing or does not fit', async () => {
    const refused = (options: object, text = prompt!) =>
      expect(bare.generate(text, { ...size, ...options })).rejects;
    await refused({}).toThrow(
      'generate: this pipeline was loaded without its text encoder: give promptStates (moviegen encode-text makes them)',
    );
    await refused({ promptStates: states }, 'a dog').toThrow(
      `generate: promptStates are not of the prompt "a dog"; they are of "${prompt}", "${negativePrompt}": give that text, or encode this one`,
    );
    await refused({ promptStates: states, negativePrompt: 'grey' }).toThrow(
      'not of the negative prompt "grey"',
    );
    const narrow = { text: prompt!, data: new Float32Array(6), shape: [2, 3] as const };
    await refused({ promptStates: { prompt: narrow, negativePrompt: narrow } }).toThrow(
      'generate: promptStates have width 3, and this model reads width 40: they are of another text encoder',
    );
    await refused({ promptStates: { ...states, prompt: { ...narrow, shape: [3, 3] } } }).toThrow(
      'generate: promptStates.prompt must be { text, data: Float32Array, shape: [tokens, width] }, got [3, 3]',
    );
    await refused({ promptStates: 3 }).toThrow('generate: promptStates.prompt must be { text');
  });
});

test('other files, models and families are refused', async () => {
  const other = serialize({ latents: { dtype: 'F32', shape: [1], data: new Float32Array(1) } });
  await expect(readPromptStates(other)).rejects.toThrow(
    'prompt states: memory holds no tensor prompt with its text in the metadata: moviegen encode-text writes such files',
  );
  await expect(VideoPipeline.fromPretrained(TINY, { device, textEncoder: false })).rejects.toThrow(
    'checkpoint: prompt states, and loading without text encoders, are for Wan: this is a Movie Gen checkpoint',
  );
  await expect(encodePrompt(TINY, 'a cat', { device })).rejects.toThrow('prompt states are of Wan');
  await expect(encodePrompt(join(T2V, 'transformer'), 'a cat', { device })).rejects.toThrow('checkpoint: ');
  await expect(encodePrompt(T2V, ' ', { device })).rejects.toThrow('encodePrompt: the prompt is empty');
});

test('encoding stops within a layer, and leaves nothing on the device', async () => {
  const stop = new AbortController();
  const onProgress = () => stop.abort(new Error('enough'));
  await expect(encodePrompt(T2V, 'a cat', { device, signal: stop.signal, onProgress })).rejects.toThrow(
    'enough',
  );
});
