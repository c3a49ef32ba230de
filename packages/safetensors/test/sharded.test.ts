import { describe, expect, test } from 'vitest';
import {
  memorySource,
  openCheckpoint,
  SafetensorsError,
  ShardedSafetensors,
  serialize,
} from '../src/index.ts';

const u8 = (...values: number[]) =>
  ({ dtype: 'U8', shape: [values.length], data: new Uint8Array(values) }) as const;
const json = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

/** A folder in memory that records which names were asked for. */
function folderOf(files: Record<string, Uint8Array>) {
  const asked: string[] = [];
  const open = async (name: string) => {
    asked.push(name);
    const bytes = Object.hasOwn(files, name) ? files[name] : undefined;
    return bytes && memorySource(bytes, name);
  };
  return { asked, open };
}

const index = {
  metadata: { total_size: 5, format: 'pt' },
  weight_map: { a: 'm-1.safetensors', b: 'm-1.safetensors', c: 'm-2.safetensors' },
};
const shards = {
  'm-1.safetensors': serialize({ a: u8(1), b: u8(2, 3) }),
  'm-2.safetensors': serialize({ c: u8(4, 5) }),
};

const failure = async (weightMap: unknown, files: Record<string, Uint8Array> = shards) => {
  const { open, asked } = folderOf(files);
  const bytes = json(typeof weightMap === 'string' ? weightMap : { weight_map: weightMap });
  try {
    await ShardedSafetensors.open(memorySource(bytes, 'index'), open);
    return { message: 'no error', asked };
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError);
    return { message: (error as Error).message, asked };
  }
};

test('a checkpoint in two shards', async () => {
  const { open } = folderOf(shards);
  const checkpoint = await ShardedSafetensors.open(json(index), open);
  expect(checkpoint.names()).toEqual(['a', 'b', 'c']);
  expect([...checkpoint.shards.keys()]).toEqual(['m-1.safetensors', 'm-2.safetensors']);
  expect(checkpoint.shape('b')).toEqual([2]);
  expect(checkpoint.dtype('c')).toBe('U8');
  expect([...(await checkpoint.read('c'))]).toEqual([4, 5]);
  const pieces: number[][] = [];
  for await (const piece of checkpoint.chunks('b', { chunkBytes: 1 })) pieces.push([...piece]);
  expect(pieces).toEqual([[2], [3]]);
  expect(checkpoint.byteLength('b')).toBe(2);
  expect(checkpoint.has('__proto__')).toBe(false);
  expect({ ...checkpoint.metadata }).toEqual({ total_size: '5', format: 'pt' });
  await expect(checkpoint.read('d')).rejects.toThrow('no such tensor: got "d"');
  for (const name of checkpoint.names()) {
    const bytes = await checkpoint.read(name);
    const { length } = bytes;
    expect(await checkpoint.range(name, 1, length)).toEqual(bytes.subarray(1));
    await expect(checkpoint.range(name, 1, length + 1)).rejects.toThrow(
      `no such bytes of "${name}": got 1 to ${length + 1}, expected a range within 0 to ${length}`,
    );
  }
});

test('everything that disagrees is in one error', async () => {
  const map = {
    a: 'm-2.safetensors',
    b: 'm-1.safetensors',
    c: 'm-2.safetensors',
    d: 'm-2.safetensors',
    e: 'm-3.safetensors',
  };
  const { message } = await failure(map);
  expect(message).toBe(
    'safetensors open index: index and shards disagree: shard "m-3.safetensors" is missing; ' +
      '"m-1.safetensors" holds "a", which the index puts into "m-2.safetensors"; ' +
      '"m-2.safetensors" has no "a"; "m-2.safetensors" has no "d"',
  );
});

test('a shard with a tensor that the index lacks, and one that two shards hold', async () => {
  expect((await failure({ a: 'm-1.safetensors' })).message).toBe(
    'safetensors open index: index and shards disagree: "m-1.safetensors" holds "b", which is not in the index',
  );
  const twice = { ...shards, 'm-2.safetensors': serialize({ b: u8(9), c: u8(4, 5) }) };
  expect((await failure(index.weight_map, twice)).message).toContain(
    '"m-2.safetensors" holds "b", which the index puts into "m-1.safetensors"',
  );
});

test('a malformed shard is named', async () => {
  const cut = { ...shards, 'm-2.safetensors': shards['m-2.safetensors'].subarray(0, -1) };
  expect((await failure(index.weight_map, cut)).message).toContain(
    'safetensors open m-2.safetensors: the file ends early',
  );
});

describe('names that could leave the folder are refused before anything is opened', () => {
  const names = [
    '../m.safetensors',
    '/etc/m.safetensors',
    'x/m.safetensors',
    'x\\m.safetensors',
    'C:m.safetensors',
    'http://x/m.safetensors',
    '.safetensors',
    '..safetensors',
    'm\u0000.safetensors',
    'm.bin',
    '',
  ];
  for (const name of names) {
    test(JSON.stringify(name), async () => {
      const { message, asked } = await failure({ a: name });
      expect(message).toContain('weight_map "a" does not name a file beside the index: got ');
      expect(asked).toEqual([]);
    });
  }
});

test('a broken index', async () => {
  expect((await failure('{"weight_map":{"a":"m-1.safetensors","a":"m-2.safetensors"}}')).message).toContain(
    'the key "a" appears twice',
  );
  expect((await failure('{}')).message).toContain('the index has no weight_map: expected an object');
  expect((await failure('[]')).message).toContain('the index has no weight_map');
  expect((await failure({ a: 1 })).message).toContain('weight_map "a" is not a string');
});

test('__proto__ as a name in an index', async () => {
  const files = { 'm-1.safetensors': serialize([['__proto__', u8(7)]]) };
  const bytes = json('{"weight_map":{"__proto__":"m-1.safetensors"}}');
  const checkpoint = await ShardedSafetensors.open(bytes, folderOf(files).open);
  expect([...(await checkpoint.read('__proto__'))]).toEqual([7]);
});

test('openCheckpoint finds one file, or an index, under the usual names', async () => {
  const single = folderOf({ 'diffusion_pytorch_model.safetensors': shards['m-1.safetensors'] });
  expect((await openCheckpoint(single.open)).names()).toEqual(['b', 'a'].sort());
  expect(single.asked).toEqual([
    'model.safetensors',
    'model.safetensors.index.json',
    'diffusion_pytorch_model.safetensors',
  ]);
  const sharded = folderOf({ ...shards, 'model.safetensors.index.json': json(index) });
  expect((await openCheckpoint(sharded.open)).names()).toEqual(['a', 'b', 'c']);
  await expect(openCheckpoint(folderOf({}).open, { bases: ['x'] })).rejects.toThrow(
    'there is no checkpoint: expected x.safetensors or x.safetensors.index.json',
  );
});

test('shards that count themselves are that many', async () => {
  const map = {
    a: 'm-00001-of-00003.safetensors',
    b: 'm-00001-of-00003.safetensors',
    c: 'm-00002-of-00003.safetensors',
  };
  const files = {
    'm-00001-of-00003.safetensors': shards['m-1.safetensors'],
    'm-00002-of-00003.safetensors': shards['m-2.safetensors'],
  };
  expect((await failure(map, files)).message).toBe(
    'safetensors open index: index and shards disagree: the index names 2 of 3 shards',
  );
  const two = JSON.parse(JSON.stringify(map).replaceAll('-of-00003', '-of-00002'));
  const renamed = {
    'm-00001-of-00002.safetensors': shards['m-1.safetensors'],
    'm-00002-of-00002.safetensors': shards['m-2.safetensors'],
  };
  expect((await failure(two, renamed)).message).toBe('no error');
});
