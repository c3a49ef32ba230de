// GGUF files as ggml's own library writes them: what is read from their blocks, and what is refused. Values are those that the library
// itself decodes.
import { readFileSync } from 'node:fs';
import { Gguf, GgufError, type GgufOptions } from '@moviegen/gguf';
import { bytesToFloats, quantize } from '@moviegen/kernels';
import { memorySource } from '@moviegen/safetensors';
import { fileSource, openFile } from '@moviegen/safetensors/node';
import { loadWeights, Tensor } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { transformerSource } from '@moviegen/wan';
import { describe, expect, test } from 'vitest';

const fixtures = new URL('../fixtures/', import.meta.url).pathname;
const bytes = readFileSync(`${fixtures}blocks.gguf`);
const blocks = await Gguf.open(bytes);
const expected = await openFile(`${fixtures}blocks.safetensors`);
const wanted = async (name: string) => bytesToFloats(await expected.read(name), 'F32');
const device = await testDevice();

test.each(blocks.names())('%s is decoded as ggml does, on the host and on the device', async (name) => {
  const values = await wanted(name);
  expect(blocks.shape(name)).toEqual(expected.shape(name));
  expect(bytesToFloats(await blocks.read(name), blocks.dtype(name))).toEqual(values);
  for (const dtype of device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const)) {
    const only = { ...sourceOf(blocks), names: () => [name] };
    const loaded = await loadWeights(device, only, { [name]: blocks.shape(name) }, { dtype });
    const halves = Tensor.from(device, values, blocks.shape(name), { dtype });
    expect(await loaded[name]!.read()).toEqual(await halves.read());
    loaded[name]!.dispose();
    halves.dispose();
  }
});

/** A file as a plain object, whose members a test may change. */
const sourceOf = (file: Gguf) => ({
  names: () => file.names(),
  shape: (name: string) => file.shape(name),
  dtype: (name: string) => file.dtype(name),
  read: (name: string) => file.read(name),
  pieces: (names: readonly string[]) => file.pieces(names, { pieceBytes: 512 }), // two blocks of most types, no whole number of them
});

test.each([
  ['Q8_0', 'q8', 34, 32],
  ['Q4_0', 'q4', 18, 16],
] as const)('%s becomes %s without another rounding', async (type, format, unit, codes) => {
  const file = await Gguf.open((await fileSource(`${fixtures}wan.gguf`))!);
  const name = type === 'Q8_0' ? 'blocks.0.ffn.0.weight' : undefined;
  const raw = name ? await file.read(name) : q4File();
  const made = quantize(bytesToFloats(raw, type), format);
  for (let i = 0; i < made.scales.length; i++) {
    expect(made.scales[i]).toBe(raw[i * unit]! | (raw[i * unit + 1]! << 8));
    for (let j = 0; j < 32; j++) {
      const given = raw[i * unit + 2 + (j % codes)]!;
      const own = made.codes[format === 'q8' ? i * 32 + j : i * 16 + (j >> 1)]!;
      if (format === 'q8') expect(own).toBe(given);
      else expect((own >> (4 * (j & 1))) & 15).toBe((given >> (4 * Math.floor(j / 16))) & 15);
    }
  }
  await file.close();
});

/** Blocks as ggml's quantiser makes them: one code of each is 0, the number of largest magnitude. */
function q4File(): Uint8Array<ArrayBuffer> {
  const raw = new Uint8Array(8 * 18);
  for (let i = 0; i < raw.length; i++) raw[i] = (i * 73 + 41) & 255;
  for (let i = 0; i < 8; i++) raw.set([0x34, i % 2 ? 0x2c : 0xac, 0x50], i * 18);
  return raw;
}

test('a transformer of ComfyUI-GGUF has the names and shapes of diffusers, and the values within its blocks', async () => {
  const file = await Gguf.open((await fileSource(`${fixtures}wan.gguf`))!, { architectures: ['wan'] });
  const original = await openFile(`${fixtures}../../wan/fixtures/original/comfy/wan_t2v_fp16.safetensors`);
  const [source, plain] = [transformerSource(file), transformerSource(original)];
  expect(new Set(source.names())).toEqual(new Set(plain.names()));
  for (const name of source.names()) {
    expect([name, source.shape(name)]).toEqual([name, plain.shape(name)]);
    const [got, given] = await Promise.all(
      [source, plain].map(async (one) => bytesToFloats(await one.read(name), one.dtype(name))),
    );
    const most = given!.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const bound = source.dtype(name) === 'Q8_0' ? (0.51 / 127) * most : 0;
    for (const [i, value] of got!.entries())
      if (Math.abs(value - given![i]!) > bound) expect([name, i, value]).toEqual(given![i]);
  }
  expect(file.metadata['general.architecture']).toBe('wan');
  await Promise.all([file.close(), original.close()]);
});

describe('is refused in one line:', () => {
  const changed = (change: (bytes: Buffer) => Uint8Array | undefined) => {
    const copy = Buffer.from(bytes);
    return new Uint8Array(change(copy) ?? copy);
  };
  /** Where the type of the first tensor stands: behind its name and axes. */
  const typeAt = bytes.indexOf(Buffer.from('\x04\0\0\0\0\0\0\0Q8_0', 'latin1')) + 12 + 4 + 16;
  const cases: [what: string, file: Uint8Array, message: RegExp, options?: GgufOptions][] = [
    [
      'another file',
      changed((copy) => copy.fill(0x41, 0, 4)),
      /this is not a GGUF file: expected a file that begins with GGUF$/,
    ],
    ['an empty file', new Uint8Array(), /the file ends inside its header: got 0 bytes/],
    ['version 1', changed((copy) => void copy.writeUInt32LE(1, 4)), /got version 1, expected 2 or 3/],
    ['big-endian', changed((copy) => void copy.writeUInt32BE(3, 4)), /the file is big-endian/],
    [
      'many tensors',
      changed((copy) => void copy.writeUInt32LE(1, 12)),
      /the header is damaged: got 4294967310 tensors/,
    ],
    [
      'a header that is cut',
      bytes.subarray(0, 600),
      /the file ends inside its header: got 600 bytes, expected a whole file/,
    ],
    [
      'data that are cut',
      bytes.subarray(0, bytes.length - 200),
      /"flat" lies beyond the end of the file: got \d+ bytes, expected at least \d+/,
    ],
    [
      'another model',
      bytes,
      /general.architecture "wan", expected t5encoder or t5$/,
      { architectures: ['t5encoder', 't5'] },
    ],
    [
      'an unknown type',
      changed((copy) => void copy.writeUInt32LE(23, typeAt)),
      /types that are not read: got IQ4_XS \(1 tensors\), expected F32, /,
    ],
    [
      'no whole blocks',
      changed((copy) => void copy.writeUInt32LE(500, typeAt - 16)),
      /"Q8_0": rows are not whole blocks: got 500 elements of Q8_0, expected a multiple of 32/,
    ],
    [
      'a huge tensor',
      changed((copy) => void copy.writeUInt32LE(1, typeAt - 4)),
      /"Q8_0" is larger than the file/,
    ],
    [
      'a misplaced tensor',
      changed((copy) => void copy.writeUInt32LE(8, typeAt + 4)),
      /is misplaced: got offset \d+, expected a multiple of 32/,
    ],
    [
      'a name given twice',
      changed((copy) => copy.fill('Q8_0', copy.lastIndexOf('Q4_0'), copy.lastIndexOf('Q4_0') + 4)),
      /the tensor "Q8_0" appears twice/,
    ],
    [
      'a shape that does not fit',
      changed((copy) => void copy.writeUInt32LE(3, copy.indexOf('orig_shape.flat') + 15 + 16)),
      /orig_shape.flat does not fit the tensor: got \[3, 4, 4, 4, 8\]/,
    ],
  ];
  test.each(cases)('%s', async (_, file, message, options) => {
    const error = await Gguf.open(memorySource(file, 'x.gguf'), options).then(
      String,
      (thrown: Error) => thrown.message,
    );
    expect(error).toMatch(message);
    expect(error).toMatch(/^gguf open x\.gguf: [^\n]+$/);
  });

  test('a tensor that is not there', async () => {
    expect(() => blocks.shape('Q9')).toThrow(
      'gguf read memory: no such tensor: got "Q9", expected one of its 14 names',
    );
  });
});

test('a header that is longer than the first read', async () => {
  const at = bytes.indexOf('an.array') - 8;
  const key = Buffer.from('long');
  const value = Buffer.alloc(3_000_000, 'v');
  const size = (n: number) => Buffer.from(new BigUint64Array([BigInt(n)]).buffer);
  const pair = [size(key.length), key, Buffer.from([8, 0, 0, 0]), size(value.length), value];
  const shift = pair.reduce((sum, { length }) => sum + length, 0);
  const padded = Buffer.concat([bytes.subarray(0, at), ...pair, bytes.subarray(at)]);
  padded.writeUInt32LE(bytes.readUInt32LE(16) + 1, 16);
  const rest = (32 - (shift % 32)) % 32; // the data stay where a multiple of 32 puts them
  const cut = bytes.length - blocks.tensors[0]!.start;
  const file = Buffer.concat([
    padded.subarray(0, padded.length - cut),
    Buffer.alloc(rest),
    padded.subarray(padded.length - cut),
  ]);
  const long = await Gguf.open(file);
  expect(long.metadata.long).toHaveLength(3_000_000);
  expect(long.names()).toEqual(blocks.names());
});

test('a mutated header is read whole or refused with a GgufError', async () => {
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let refused = 0;
  for (let i = 0; i < 1000; i++) {
    const copy = Uint8Array.from(bytes);
    for (let k = random(4); k >= 0; k--) copy[random(blocks.tensors[0]!.start)] = random(256);
    const file = random(3) === 0 ? copy.subarray(0, random(copy.length)) : copy;
    try {
      for (const { start, byteLength } of (await Gguf.open(file)).tensors)
        expect(start + byteLength).toBeLessThanOrEqual(file.length);
    } catch (error) {
      expect(error).toBeInstanceOf(GgufError);
      expect((error as Error).message).not.toContain('\n');
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(500);
});

test('reading stops when it is aborted', async () => {
  const stop = new AbortController();
  const pieces = blocks.pieces(blocks.names(), { signal: stop.signal, pieceBytes: 256 });
  await pieces.next();
  stop.abort(new Error('stopped'));
  await expect(
    (async () => {
      for await (const _ of pieces);
    })(),
  ).rejects.toThrow('stopped');
});
