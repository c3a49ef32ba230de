// CLIP's image tower from folders as transformers saves them: pictures become the embeddings that transformers computes.

import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFile } from '@moviegen/safetensors/node';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, expect, test } from 'vitest';
import {
  CheckpointError,
  clipSimilarity,
  type Frames,
  ImageModel,
  InputError,
  TextModel,
} from '../src/index.ts';

const device = await testDevice();
const { used } = device.memory();
afterAll(() => expect(device.memory().used).toBe(used));
const fixture = fileURLToPath(new URL('../fixtures/clip-vision', import.meta.url));
const whole = join(fixture, 'whole');

const file = await openFile(join(whole, 'expected/embeds.safetensors'));
const numbers = async (name: string) => (await file.read(name)).slice().buffer;
const frames: Frames = {
  data: Uint8Array.from(new Int32Array(await numbers('picture'))),
  shape: file.shape('picture') as [number, number, number, 3],
};
const expected = new Float32Array(await numbers('embeds'));
await file.close();

test('embeddings of pictures, as transformers gives them, whole and in pieces', async () => {
  const model = await ImageModel.fromPretrained(whole, { device });
  const embeddings = await model.embed(frames);
  expect(embeddings).toHaveLength(frames.shape[0]);
  for (const [i, value] of embeddings.flatMap((row) => [...row]).entries())
    expect(value).toBeCloseTo(expected[i]!, 5);
  const [, H, W] = frames.shape;
  const each = Array.from({ length: frames.shape[0] }, (_, i) => ({
    data: frames.data.slice(i * H * W * 3, (i + 1) * H * W * 3),
    shape: [1, H, W, 3] as const,
  }));
  const pieces = await model.embed(each);
  expect(clipSimilarity(pieces, embeddings).map((row, i) => row[i])).toEqual(
    embeddings.map(() => expect.closeTo(1, 5)),
  );
  model.dispose();
});

test('the same tower by its own folder gives the same states', async () => {
  const [one, other] = [
    await ImageModel.fromPretrained(whole, { device }),
    await ImageModel.fromPretrained(fixture, { device }),
  ];
  const [a, b] = [one.encode(frames), other.encode(frames)];
  expect(a.states.shape).toEqual([3, 10, 24]);
  for (const name of ['states', 'penultimate', 'pooled', 'projected'] as const) {
    const values = await Promise.all([a[name]!.read(), b[name]!.read()]);
    expect(values[0]).toEqual(values[1]);
    a[name]!.dispose();
    b[name]!.dispose();
  }
  one.dispose();
  other.dispose();
});

test('what cannot be: no projection, another model, no frames, another size', async () => {
  const plain = await ImageModel.fromPretrained(join(fixture, '../clip-vision-gelu'), { device });
  await expect(plain.embed(frames)).rejects.toThrow(/has no visual_projection\.weight/);
  expect(() => plain.encode({ data: new Uint8Array(0), shape: [0, 4, 4, 3] })).toThrow(InputError);
  plain.dispose();
  const text = join(fixture, '../clip-quick-gelu');
  await expect(ImageModel.fromPretrained(text, { device })).rejects.toThrow(CheckpointError);
  const folder = await mkdtemp(join(tmpdir(), 'image-'));
  for (const name of ['config.json', 'model.safetensors'])
    await copyFile(join(fixture, name), join(folder, name));
  await writeFile(join(folder, 'preprocessor_config.json'), JSON.stringify({ crop_size: 8 }));
  await expect(ImageModel.fromPretrained(folder, { device })).rejects.toThrow(
    'preprocessor_config.json gives 8x8, but the tower takes 12x12',
  );
  await rm(folder, { recursive: true });
  const t5 = await TextModel.fromPretrained(join(fixture, '../text-pretrained/byt5'), { device });
  await expect(t5.embed(['a'])).rejects.toThrow('is not a CLIP text tower');
  t5.dispose();
  expect(() => clipSimilarity([new Float32Array(2)], [new Float32Array(3)])).toThrow('take both towers');
});

test('an abort stops between batches', async () => {
  const model = await ImageModel.fromPretrained(whole, { device });
  const stop = new AbortController();
  async function* endless() {
    for (;;) {
      yield frames;
      stop.abort(new Error('enough'));
    }
  }
  await expect(model.embed(endless(), { signal: stop.signal })).rejects.toThrow('enough');
  model.dispose();
});
