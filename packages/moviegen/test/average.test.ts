// Averages of checkpoints against reference/average.py, bit for bit; folders; and the errors about files that do not fit.

import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesToFloats, floatsToBytes } from '@moviegen/kernels';
import { Safetensors, serialize } from '@moviegen/safetensors';
import { openFile, openFolder } from '@moviegen/safetensors/node';
import { TINY } from '@moviegen/testing/checkpoints';
import { averageCheckpoints } from 'moviegen/node';
import { afterAll, expect, test } from 'vitest';

const fixture = fileURLToPath(new URL('../fixtures/average', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'moviegen-average-'));
afterAll(() => rmSync(root, { recursive: true }));
const files = ['a', 'b', 'c'].map((name) => join(fixture, `${name}.safetensors`));
let made = 0;
const output = () => join(root, `out-${made++}`);
const listing = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

test.each<[string, number[] | undefined]>([
  ['mean', undefined],
  ['weighted', [2, 0.5, -0.3]],
])('three files of many types: %s', async (name, weights) => {
  const to = output();
  const told: number[] = [];
  await averageCheckpoints(files, to, {
    ...(weights && { weights }),
    onProgress: ({ bytes, totalBytes }) => told.push(bytes / totalBytes),
  });
  expect(listing(to)).toEqual(['a.safetensors']);
  const [got, wanted] = [
    await openFile(join(to, 'a.safetensors')),
    await openFile(join(fixture, `${name}.safetensors`)),
  ];
  expect(got.names().sort()).toEqual(wanted.names().sort());
  expect(got.metadata.which).toBe('a');
  for (const tensor of wanted.names()) {
    expect([tensor, got.dtype(tensor), got.shape(tensor)]).toEqual([
      tensor,
      wanted.dtype(tensor),
      wanted.shape(tensor),
    ]);
    expect([tensor, ...(await got.read(tensor))]).toEqual([tensor, ...(await wanted.read(tensor))]);
  }
  expect(told.at(-1)).toBe(1);
  for (const file of [got, wanted]) await file.close();
});

/** A copy of the tiny checkpoint, its TAE and transformer scaled; the latter in one file where asked. */
async function scaled(by: number, oneFile: boolean): Promise<string> {
  const to = output();
  cpSync(TINY, to, { recursive: true });
  const rewrite = async (path: string, parts: readonly string[]) => {
    const tensors = new Map();
    for (const part of parts) {
      const file = await Safetensors.open(new Uint8Array(readFileSync(join(to, part))));
      for (const name of file.names()) {
        const dtype = file.dtype(name);
        const floats = bytesToFloats(await file.read(name), dtype).map((value) => value * by);
        tensors.set(name, { dtype, shape: file.shape(name), data: floatsToBytes(floats, dtype) });
      }
      rmSync(join(to, part));
    }
    writeFileSync(join(to, path), serialize(tensors));
  };
  await rewrite('tae/model.safetensors', ['tae/model.safetensors']);
  const shards = [1, 2, 3].map((i) => `transformer/model-0000${i}-of-00003.safetensors`);
  if (oneFile) {
    await rewrite('transformer/model.safetensors', shards);
    rmSync(join(to, 'transformer/model.safetensors.index.json'));
  } else for (const shard of shards) await rewrite(shard, [shard]);
  return to;
}

test('folders: the first one’s shards and other files, a list of checksums that holds', async () => {
  const [a, b] = [await scaled(1, false), await scaled(3, true)];
  writeFileSync(join(a, 'README.md'), 'a card');
  writeFileSync(join(a, 'SHA256SUMS'), `${'0'.repeat(64)}  tae/model.safetensors\n`);
  const to = output();
  mkdirSync(to);
  await averageCheckpoints([a, b], to);
  expect(listing(to)).toEqual(listing(a));
  for (const path of ['README.md', 'tae/config.json', 'transformer/model.safetensors.index.json'])
    expect(readFileSync(join(to, path))).toEqual(readFileSync(join(a, path)));
  for (const path of ['tae/model.safetensors', 'transformer/model-00002-of-00003.safetensors']) {
    const [mean, before] = [await openFile(join(to, path)), await openFile(join(a, path))];
    expect(mean.names()).toEqual(before.names());
    for (const name of mean.names()) {
      const [got, one] = [
        bytesToFloats(await mean.read(name), mean.dtype(name)),
        bytesToFloats(await before.read(name), before.dtype(name)),
      ];
      for (const [i, value] of got.entries())
        if (Math.abs(value - 2 * one[i]!) > 1e-3 * Math.abs(value) + 1e-6) throw new Error(`${name} ${i}`);
    }
    for (const file of [mean, before]) await file.close();
  }
  const sum = createHash('sha256')
    .update(readFileSync(join(to, 'tae/model.safetensors')))
    .digest('hex');
  expect(readFileSync(join(to, 'SHA256SUMS'), 'utf8')).toBe(`${sum}  tae/model.safetensors\n`);
});

test('what does not fit is one line, and nothing is written', async () => {
  const before = listing(root);
  const one = join(root, 'one.safetensors');
  const data = (name: string, shape: number[], dtype: 'F32' | 'I32' = 'F32') =>
    writeFileSync(one, serialize({ [name]: { dtype, shape, data: new Float32Array(shape[0]!) } }));
  const fails = async (inputs: string[], options = {}, to = join(root, 'none')) => {
    const error = await averageCheckpoints(inputs, to, options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    const { message } = error as Error;
    expect(message).not.toContain('\n');
    return message;
  };
  expect(await fails([files[0]!])).toBe('average: give at least two checkpoints');
  expect(await fails(files, { weights: [1, 2] })).toBe('average: got 2 weights for 3 checkpoints');
  expect(await fails(files, { weights: [1, -2, 1] })).toContain('numbers whose sum is not 0, got 1, -2, 1');
  expect(await fails([files[0]!, TINY])).toContain('give folders or files, not some of each');
  expect(await fails([files[0]!, '/no/such'])).toBe('average: there is no file or folder /no/such');
  expect(await fails(files, {}, fixture)).toContain('is a folder with files in it: give a new one');
  data('layer.f32', [3]);
  expect(await fails([files[0]!, one])).toMatch(
    /^average: .*one\.safetensors does not fit .*a\.safetensors: (it lacks|layer\.f32 is \[3\], expected \[7, 11\])/,
  );
  data('z', [1]);
  expect(await fails([one, files[0]!])).toMatch(/it lacks z; it has .*; it has .*; and \d+ more$/);
  const changed = await scaled(1, false);
  const config = join(changed, 'transformer/config.json');
  writeFileSync(config, readFileSync(config, 'utf8').replace('"num_layers": 2', '"num_layers": 3'));
  expect(await fails([TINY, changed])).toContain(
    `checkpoint: ${config} is of another model than ${TINY}/transformer/config.json: num_layers is 3, expected 2`,
  );
  rmSync(join(changed, 'transformer/config.json'));
  expect(await fails([TINY, changed])).toBe(`checkpoint: ${config} is missing`);
  const stop = new AbortController();
  const onProgress = () => stop.abort(new Error('enough'));
  expect(await fails([TINY, TINY], { onProgress, signal: stop.signal })).toBe('enough');
  expect(existsSync(join(root, 'none'))).toBe(false);
  rmSync(one);
  rmSync(changed, { recursive: true });
  expect(listing(root)).toEqual(before);
});

test('names of models that torch.compile has wrapped become plain, in weights and in their index', async () => {
  const [plain, compiled] = [output(), output()];
  const tensor = (value: number) => ({ dtype: 'F32', shape: [1], data: Float32Array.of(value) }) as const;
  for (const [folder, prefix, value] of [
    [plain, '', 1],
    [compiled, '_orig_mod.', 3],
  ] as const) {
    mkdirSync(folder);
    const shards = { 'model-00001-of-00002.safetensors': 'a', 'model-00002-of-00002.safetensors': 'b' };
    for (const [file, name] of Object.entries(shards))
      writeFileSync(join(folder, file), serialize({ [prefix + name]: tensor(value) }));
    const map = Object.fromEntries(Object.entries(shards).map(([file, name]) => [prefix + name, file]));
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
  }
  for (const inputs of [
    [compiled, plain],
    [plain, compiled],
  ]) {
    const to = output();
    await averageCheckpoints(inputs, to);
    const mean = await openFolder(to);
    expect(mean.names().sort()).toEqual(['a', 'b']);
    expect(bytesToFloats(await mean.read('a'), 'F32')).toEqual(Float32Array.of(2));
    await mean.close();
  }
});
