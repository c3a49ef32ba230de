// A checkpoint's SHA256SUMS: what is verified, when, and the error about a file that differs.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteSource, memorySource } from '@moviegen/safetensors';
import { type Change, changed, TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { expect, test, vi } from 'vitest';
import { parseSums, verified } from '../src/checkpoint/checksums.ts';
import type { CheckpointFiles } from '../src/checkpointFiles.ts';
import { CheckpointError, MovieGen } from '../src/index.ts';
import { sha256 as nodes } from '../src/node/platform.ts';
import { sha256 as browsers } from '../src/platform.ts';

const sumOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const data = Uint8Array.from({ length: 100 }, (_, i) => (i * 37) & 255);

/** A checkpoint of one file and its list; notes what is read of the file. */
function listed(sum: string, into: boolean) {
  const reads: string[] = [];
  const inner = memorySource(data, 'x/data.bin');
  const slow = async (start: number) => {
    await new Promise((resolve) => setTimeout(resolve, start === 0 ? 20 : 1)); // the first read ends last
  };
  const source: ByteSource = {
    ...inner,
    read: async (start, end) => {
      reads.push(`${start}-${end}`);
      await slow(start);
      return inner.read(start, end);
    },
    ...(into && {
      readInto: async (target, start) => {
        reads.push(`${start}-${start + target.length}`);
        await slow(start);
        target.set(data.subarray(start, start + target.length));
      },
    }),
  };
  const files: CheckpointFiles = {
    label: 'x',
    folder: () => async (name) =>
      name === 'SHA256SUMS' ? memorySource(new TextEncoder().encode(`${sum}  ./data.bin\n`)) : source,
  };
  return { files, reads };
}

/** Reads ranges at the same time, then verifies. */
async function readAll(ranges: readonly [number, number][], sum: string, into = false) {
  const { files, reads } = listed(sum, into);
  const checked = await verified(files);
  const source = (await checked.folder('')('data.bin'))!;
  const done = ranges.map(async ([start, end]) => {
    if (!source.readInto) return expect(await source.read(start, end)).toEqual(data.slice(start, end));
    const target = new Uint8Array(end - start);
    await source.readInto(target, start);
    expect(target).toEqual(data.slice(start, end));
  });
  await Promise.all(done);
  await checked.verify();
  return reads;
}

test.each([false, true])('a file read from front to back is read once (into %s)', async (into) => {
  const ranges: [number, number][] = [
    [0, 8],
    [8, 50],
    [50, 100],
  ];
  expect(await readAll(ranges, sumOf(data), into)).toEqual(['0-8', '8-50', '50-100']);
  await expect(readAll(ranges, sumOf(data.subarray(1)), into)).rejects.toThrow(
    `checkpoint: x/data.bin is not the file that SHA256SUMS lists: got SHA-256 ${sumOf(data)}, expected`,
  );
});

test('what is left out, read twice or not at all is hashed all the same', async () => {
  const ranges: [number, number][] = [
    [0, 8],
    [20, 50],
    [10, 30],
  ];
  expect(await readAll(ranges, sumOf(data))).toEqual(['0-8', '20-50', '10-30', '8-20', '50-100']);
  await readAll([], sumOf(data));
  await expect(readAll([], sumOf(data.subarray(1)))).rejects.toBeInstanceOf(CheckpointError);
});

test('a file that differs is refused ever after', async () => {
  const checked = await verified(listed(sumOf(data.subarray(1)), false).files);
  const source = (await checked.folder('')('data.bin'))!;
  const said = 'is not the file that SHA256SUMS lists';
  const [whole, ahead] = [source.read(0, 100), source.read(40, 60)];
  await expect(whole).rejects.toThrow(said);
  await expect(ahead).rejects.toThrow(said);
  await expect(source.read(0, 8)).rejects.toThrow(said);
  await expect(checked.verify()).rejects.toThrow(said);
});

test('reads ahead that fail are heard by whoever asked for them, and by nobody else', async () => {
  const { files } = listed(sumOf(data), false);
  const inner = (await files.folder('')('data.bin'))!;
  const read = async (start: number, end: number) => {
    if (start > 0) throw new Error(`disk at ${start}`);
    return inner.read(start, end);
  };
  const folder: CheckpointFiles['folder'] = (folder) => async (name) =>
    name === 'data.bin' ? { ...inner, read } : files.folder(folder)(name);
  const source = (await (await verified({ ...files, folder })).folder('')('data.bin'))!;
  const unheard = vi.fn();
  process.on('unhandledRejection', unheard);
  const first = source.read(0, 8); // ends long after the other one has failed
  await expect(source.read(8, 50)).rejects.toThrow('disk at 8');
  expect(await first).toEqual(data.slice(0, 8));
  process.off('unhandledRejection', unheard);
  expect(unheard).not.toHaveBeenCalled();
});

test('a list is read as sha256sum writes it', () => {
  const sum = sumOf(data);
  const parse = (text: string) => parseSums(new TextEncoder().encode(text), 'x/SHA256SUMS');
  expect([...parse(`${sum}  a b/c\r\n${sum.toUpperCase()} *d\n\n`)]).toEqual([
    ['a b/c', sum],
    ['d', sum],
  ]);
  expect(() => parse(`${sum}  a\n${sum.slice(1)}  b\n`)).toThrow(
    'checkpoint: x/SHA256SUMS line 2 is not a checksum: expected 64 hexadecimal digits, two spaces and a path',
  );
});

test('both ways to sum agree', () => {
  const sums = [nodes, browsers].map((make) => {
    const sum = make();
    for (const from of [0, 30, 64, 65])
      sum.update(data.subarray(from, { 0: 30, 30: 64, 64: 65 }[from] ?? 100));
    return sum.hex();
  });
  expect(sums).toEqual([sumOf(data), sumOf(data)]);
});

test('a checkpoint of which one byte has changed is refused, whichever file has it', async () => {
  const device = await testDevice();
  const { used } = device.memory();
  const paths = readdirSync(TINY, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\.\w+$/.test(path),
  );
  const list = paths.map((path) => `${sumOf(readFileSync(join(TINY, path)))}  ${path}\n`).join('');
  const SHA256SUMS: Change = () => list;
  (await MovieGen.fromPretrained(changed({ SHA256SUMS }), { device })).dispose();
  const flipped: Change = (bytes) => {
    const copy = new Uint8Array(bytes);
    copy[copy.length - 2]! ^= 1;
    return copy;
  };
  const spaced: Change = (bytes) => `${bytes} `;
  for (const [path, change] of [
    ['tae/model.safetensors', flipped],
    ['transformer/model-00002-of-00003.safetensors', flipped],
    ['text_encoder_ul2/tokenizer.json', spaced],
    ['model_index.json', spaced],
  ] as const)
    await expect(
      MovieGen.fromPretrained(changed({ SHA256SUMS, [path]: change }), { device }),
    ).rejects.toThrow(`checkpoint: checkpoint/${path} is not the file that SHA256SUMS lists`);
  expect(device.memory().used).toBe(used);
});
