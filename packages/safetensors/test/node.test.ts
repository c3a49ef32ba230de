import { mkdtemp, readdir, readFile, rm, truncate, writeFile as writeBytes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { serialize } from '../src/index.ts';
import { openFile, openFolder, writeFile } from '../src/node/index.ts';

const directory = await mkdtemp(join(tmpdir(), 'safetensors-'));
afterAll(() => rm(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

const tensors = {
  a: { dtype: 'F32', shape: [3], data: new Float32Array([1, 2, 3]) },
  b: { dtype: 'U8', shape: [2], data: new Uint8Array([4, 5]) },
} as const;

test('what is written reads back, and equals serialize', async () => {
  const bytes = await writeFile(at('a.safetensors'), tensors, { metadata: { format: 'pt' } });
  expect(new Uint8Array(await readFile(at('a.safetensors')))).toEqual(serialize(tensors, { format: 'pt' }));
  const file = await openFile(at('a.safetensors'));
  expect(file.fileBytes).toBe(bytes);
  expect([...new Float32Array((await file.read('a')).buffer)]).toEqual([1, 2, 3]);
  expect([...(await file.read('b'))]).toEqual([4, 5]);
  await file.close();
  await expect(file.read('b')).rejects.toThrow();
});

test('a failure or an abort leaves the old file and nothing else', async () => {
  await writeFile(at('kept.safetensors'), tensors);
  const before = await readFile(at('kept.safetensors'));
  const controller = new AbortController();
  async function* abortsHalfway() {
    yield new Uint8Array(6);
    controller.abort();
    yield new Uint8Array(6);
  }
  const aborted = { a: { dtype: 'F32', shape: [3], data: abortsHalfway } } as const;
  await expect(writeFile(at('kept.safetensors'), aborted, { signal: controller.signal })).rejects.toThrow(
    'abort',
  );
  const short = { a: { dtype: 'F32', shape: [4], data: new Float32Array(3) } } as const;
  await expect(writeFile(at('kept.safetensors'), short)).rejects.toThrow('got 12 bytes, expected 16');
  expect(await readFile(at('kept.safetensors'))).toEqual(before);
  expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  await expect(writeFile(at('none/x.safetensors'), tensors)).rejects.toThrow(/^safetensors write .*ENOENT/);
});

test('what is not a file, or no longer the same file', async () => {
  await expect(openFile(at('missing.safetensors'))).rejects.toThrow(
    /missing\.safetensors: there is no such file$/,
  );
  await expect(openFile(directory)).rejects.toThrow('this is not a file');
  await writeFile(at('cut.safetensors'), tensors);
  const file = await openFile(at('cut.safetensors'));
  await truncate(at('cut.safetensors'), 100);
  await expect(file.read('b')).rejects.toThrow('the file ended early: it has changed since it was opened');
  await writeBytes(at('cut.safetensors'), new Uint8Array(file.fileBytes + 1));
  await expect(file.read('b')).rejects.toThrow('the file has changed since it was opened');
  await file.close();
});

test('a folder: one file or shards', async () => {
  await expect(openFolder(directory)).rejects.toThrow(
    `safetensors open ${directory}: there is no checkpoint`,
  );
  await writeFile(at('model-1.safetensors'), { a: tensors.a });
  await writeFile(at('model-2.safetensors'), { b: tensors.b });
  const index = { weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' } };
  await writeBytes(at('model.safetensors.index.json'), JSON.stringify(index));
  const sharded = await openFolder(directory);
  expect([...(await sharded.read('b'))]).toEqual([4, 5]);
  await sharded.close();
  await rm(at('model-2.safetensors'));
  await expect(openFolder(directory)).rejects.toThrow('shard "model-2.safetensors" is missing');
  await writeFile(at('model.safetensors'), tensors);
  const single = await openFolder(directory);
  expect(single.names()).toEqual(['a', 'b']);
  await single.close();
});
