import { describe, expect, test } from 'vitest';
import {
  DTYPE_BITS,
  DTYPES,
  MAX_HEADER_BYTES,
  Safetensors,
  SafetensorsError,
  serialize,
} from '../src/index.ts';
import { fileOf, malformed, wellFormed } from './corpus.ts';

/** The message of the error that `action` ends with; if it does not fail, a line that says so. */
async function messageOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
    return 'no error';
  } catch (error) {
    return error instanceof SafetensorsError ? error.message : `not a SafetensorsError: ${error}`;
  }
}

describe('malformed files', () => {
  for (const [what, bytes, message] of malformed) {
    test(what, async () => {
      expect(await messageOf(Safetensors.open(bytes))).toBe(`safetensors open memory: ${message}`);
    });
  }
});

describe('odd files that are right', () => {
  for (const [what, bytes, names] of wellFormed) {
    test(what, async () => {
      const file = await Safetensors.open(bytes);
      expect(file.names()).toEqual(names);
      for (const name of names) expect((await file.read(name)).length).toBe(file.byteLength(name));
    });
  }
});

test('a header of 100 MB and a byte is refused before it is read, one of 100 MB is asked for', async () => {
  const asked: string[] = [];
  const source = (length: bigint) => ({
    label: 'huge',
    byteLength: 1e12,
    async read(start: number, end: number) {
      asked.push(`${start}-${end}`);
      if (start > 0) throw new Error('enough');
      return fileOf('', 0, length).slice() as Uint8Array<ArrayBuffer>;
    },
    async close() {},
  });
  await expect(Safetensors.open(source(BigInt(MAX_HEADER_BYTES) + 1n))).rejects.toThrow('too large');
  await expect(Safetensors.open(source(BigInt(MAX_HEADER_BYTES)))).rejects.toThrow('enough');
  expect(asked).toEqual(['0-8', '0-512', '0-8', `8-${MAX_HEADER_BYTES + 8}`]); // 512 bytes tell what it is instead
});

describe('reading', () => {
  const bytes = serialize(
    [
      ['w', { dtype: 'F32', shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) }],
      ['odd', { dtype: 'U8', shape: [3], data: new Uint8Array([7, 8, 9]) }],
      ['__proto__', { dtype: 'I32', shape: [], data: new Int32Array([-5]) }],
    ],
    { format: 'pt' },
  );

  test('shapes, types, bytes', async () => {
    const file = await Safetensors.open(bytes);
    expect(file.names()).toEqual(['w', '__proto__', 'odd']);
    expect(file.shape('w')).toEqual([2, 3]);
    expect(file.dtype('__proto__')).toBe('I32');
    expect({ ...file.metadata }).toEqual({ format: 'pt' });
    expect(file.fileBytes).toBe(bytes.length);
    expect(new Float32Array((await file.read('w')).buffer)).toEqual(new Float32Array([1, 2, 3, 4, 5, 6]));
    expect(new Int32Array((await file.read('__proto__')).buffer)[0]).toBe(-5);
    expect(file.has('toString')).toBe(false);
    expect(await messageOf(file.read('toString'))).toBe(
      'safetensors read memory: no such tensor: got "toString", expected one of its 3 names',
    );
  });

  test('every kind of source gives the same', async () => {
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const sources = [
      bytes.slice().buffer,
      shifted.subarray(3),
      new DataView(bytes.slice().buffer),
      new Blob([bytes]),
      new File([bytes], 'a.st'),
    ];
    for (const source of sources) {
      const file = await Safetensors.open(source);
      const read = await file.read('odd');
      expect([...read]).toEqual([7, 8, 9]);
      expect(read.byteOffset).toBe(0);
      read.fill(0);
      expect([...(await file.read('odd'))]).toEqual([7, 8, 9]);
    }
    expect((await Safetensors.open(new File([bytes], 'a.st'))).label).toBe('a.st');
  });

  test('in pieces', async () => {
    const file = await Safetensors.open(bytes);
    const pieces: number[] = [];
    for await (const piece of file.chunks('w', { chunkBytes: 10 })) pieces.push(piece.length);
    expect(pieces).toEqual([10, 10, 4]);
  });

  test('abort', async () => {
    const file = await Safetensors.open(new Blob([bytes]));
    const signal = AbortSignal.abort();
    await expect(file.read('w', { signal })).rejects.toThrow('aborted');
    await expect(Safetensors.open(bytes, { signal })).rejects.toThrow('aborted');
  });

  test('a string that is not an address points to the Node entry', async () => {
    expect(await messageOf(Safetensors.open('model.safetensors'))).toContain('@moviegen/safetensors/node');
    expect(await messageOf(Safetensors.open('file:///etc/passwd'))).toContain('expected http: or https:');
  });
});

test('every element type has its size, and files of all of them open', async () => {
  expect(DTYPES.length).toBe(22);
  const all = DTYPES.map(
    (dtype) => [dtype, { dtype, shape: [2, 4], data: new Uint8Array(DTYPE_BITS[dtype]) }] as const,
  );
  const file = await Safetensors.open(serialize(all));
  expect(file.names()).toEqual([...DTYPES].reverse());
  for (const dtype of DTYPES) expect(file.byteLength(dtype)).toBe(DTYPE_BITS[dtype]);
});

test('metadata holds any key and inherits nothing', async () => {
  const file = await Safetensors.open(fileOf('{"__metadata__":{"__proto__":"a","constructor":"b"}}'));
  expect(Object.entries(file.metadata)).toEqual([
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
  expect(file.metadata.toString).toBeUndefined();
});
