// Many tensors in one go: what comes, how it is read, and how it ends.

import { expect, test } from 'vitest';
import { type ByteSource, memorySource, Safetensors, ShardedSafetensors, serialize } from '../src/index.ts';

const u8 = (length: number, seed: number) =>
  ({
    dtype: 'U8',
    shape: [length],
    data: Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 255),
  }) as const;
const tensors = { a: u8(3, 1), b: u8(5, 2), c: u8(40, 3), d: u8(0, 4), e: u8(9, 5), f: u8(2, 6) };

/** A source that notes its reads; without `into` it cannot fill a caller's buffer. */
function watched(bytes: Uint8Array, into: boolean) {
  const reads: string[] = [];
  let open = 0;
  const inner = memorySource(bytes);
  const noted = async <T>(start: number, end: number, work: () => Promise<T>) => {
    reads.push(`${start - dataStart}-${end - dataStart}`);
    open++;
    await new Promise((resolve) => setTimeout(resolve, 1));
    open--;
    return work();
  };
  const dataStart = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const source: ByteSource = {
    ...inner,
    read: (start, end, signal) => noted(start, end, () => inner.read(start, end, signal)),
    ...(into && {
      readInto: (target, start) =>
        noted(start, start + target.length, async () =>
          target.set(bytes.subarray(start, start + target.length)),
        ),
    }),
  };
  return { source, reads, open: () => open };
}

async function gathered(pieces: AsyncIterable<{ name: string; offset: number; data: Uint8Array }>) {
  const found = new Map<string, number[]>();
  for await (const { name, offset, data } of pieces) {
    const bytes = found.get(name) ?? [];
    expect(offset).toBe(bytes.length);
    bytes.push(...data);
    found.set(name, bytes);
  }
  return found;
}

test.each([true, false])('small tensors share a read, large ones take several (into %s)', async (into) => {
  const { source, reads } = watched(serialize(tensors), into);
  const file = await Safetensors.open(source);
  reads.length = 0;
  const found = await gathered(file.pieces(file.names(), { pieceBytes: 16 }));
  expect([...found.keys()]).toEqual(['a', 'b', 'c', 'e', 'f']);
  for (const [name, bytes] of found) expect(bytes).toEqual([...tensors[name as 'a'].data]);
  expect(reads).toEqual(['0-8', '8-24', '24-40', '40-48', '48-59']);
});

test('any order and any part, over shards', async () => {
  const files: Record<string, Uint8Array> = {
    'm-1.safetensors': serialize({ a: tensors.a, c: tensors.c }),
    'm-2.safetensors': serialize({ e: tensors.e }),
  };
  const map = { a: 'm-1.safetensors', c: 'm-1.safetensors', e: 'm-2.safetensors' };
  const index = new TextEncoder().encode(JSON.stringify({ weight_map: map }));
  const sharded = await ShardedSafetensors.open(index, async (name) => memorySource(files[name]!, name));
  const found = await gathered(sharded.pieces(['e', 'c'], { pieceBytes: 16 }));
  expect([...found.keys()]).toEqual(['e', 'c']);
  expect(found.get('c')).toEqual([...tensors.c.data]);
  expect(() => sharded.pieces(['z'])).toThrow('no such tensor: got "z"');
});

test('who stops early leaves no read behind, and a failing read is thrown', async () => {
  const { source, open } = watched(serialize(tensors), true);
  const file = await Safetensors.open(source);
  for await (const piece of file.pieces(file.names(), { pieceBytes: 16 })) {
    expect(piece.name).toBe('a');
    expect(open()).toBeGreaterThan(0); // the next one is on its way
    break;
  }
  expect(open()).toBe(0);
  const failing = await Safetensors.open({ ...memorySource(serialize(tensors)), label: 'x' });
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(gathered(failing.pieces(['a', 'c'], { signal }))).rejects.toThrow('enough');
});
