// The decoder in WebAssembly beside the plain one: every code of every type, to the bit.
import { describe, expect, test } from 'vitest';
import { bytesToFloats } from '../src/formats/convert.ts';
import { DECODED_AT_ONCE, FloatsDecoder } from '../src/formats/decodeVectors.ts';

const bitsOf = (floats: Float32Array) => new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
const codes = { F16: 65536, BF16: 65536, F8_E4M3: 256, F8_E5M2: 256 } as const;
const every = (type: keyof typeof codes): Uint8Array<ArrayBuffer> => {
  const made = codes[type] === 256 ? new Uint8Array(256) : new Uint16Array(65536);
  return new Uint8Array(made.map((_, i) => i).buffer);
};
/** Compares to the bit; quick, where a matcher would walk over every number. */
function expectSame(made: Float32Array, expected: Float32Array): void {
  expect(made.length).toBe(expected.length);
  const [left, right] = [bitsOf(made), bitsOf(expected)];
  const at = left.findIndex((bits, i) => bits !== right[i]);
  if (at >= 0)
    throw new Error(`${at.toString(16)}: ${left[at]!.toString(16)}, not ${right[at]!.toString(16)}`);
}
const types = Object.keys(codes) as (keyof typeof codes)[];

describe.each(types)('%s', (type) => {
  const decoder = new FloatsDecoder();
  const bytes = every(type);

  test('every code', () => {
    const floats = decoder.decode(bytes, type);
    expect(floats.buffer).toBe(decoder.decode(bytes, type).buffer); // WebAssembly's memory
    expect(floats.length).toBe(codes[type]);
    expectSame(floats, bytesToFloats(bytes, type));
  });

  test('every code among its like', () => {
    const size = codes[type] === 256 ? 1 : 2;
    for (let first = 0; first < codes[type]; first += 4096) {
      const alike = (_: unknown, i: number) => first + (i >> 4);
      const length = 16 * Math.min(4096, codes[type]);
      const part = size === 1 ? Uint8Array.from({ length }, alike) : Uint16Array.from({ length }, alike);
      const raw = new Uint8Array(part.buffer);
      expectSame(decoder.decode(raw, type), bytesToFloats(raw, type));
    }
  });

  test('counts that fill no vector, and bytes that begin anywhere', () => {
    const size = codes[type] === 256 ? 1 : 2;
    for (const count of [1, 3, 15, 16, 17, 100]) {
      const part = bytes.slice(0, 100 * size + 1).subarray(1, 1 + count * size);
      expect([...decoder.decode(part, type)]).toEqual([...bytesToFloats(part, type)]);
    }
    expect(decoder.decode(new Uint8Array(), type)).toHaveLength(0);
  });

  test('more than fits at once', () => {
    const many = new Uint8Array(2 * DECODED_AT_ONCE + 2).fill(0x3c);
    expectSame(decoder.decode(many, type), bytesToFloats(many, type));
  });
});

test('doubles: halfway between two floats, subnormal, too large, and what is no number', () => {
  const tie = 1 + 2 ** -24;
  const values = [
    0.1,
    -2,
    tie,
    tie + 2 ** -23,
    tie + 2 ** -52,
    2 ** -149,
    2 ** -150,
    1.5 * 2 ** -149,
    -(2 ** -151),
  ];
  const ends = [3.4e38, 3.5e38, -1e300, Number.POSITIVE_INFINITY, Number.NaN, -0, 5e-324];
  const doubles = Float64Array.from(
    { length: 1000 },
    (_, i) => [...values, ...ends][i % 16]! * (i < 16 ? 1 : i),
  );
  const payload = new Uint8Array(new BigUint64Array([0xfff8_0000_2000_0000n, 0x7ff4_0000_0000_0000n]).buffer);
  const bytes = new Uint8Array([...payload, ...new Uint8Array(doubles.buffer)]);
  expectSame(new FloatsDecoder().decode(bytes, 'F64'), bytesToFloats(bytes, 'F64'));
});

test('what was read into its memory is decoded where it is', () => {
  const bytes = every('BF16');
  const decoder = new FloatsDecoder({ room: bytes.length + 10 });
  const first = decoder.allocate(3);
  const whole = decoder.allocate(bytes.length);
  expect(whole.buffer).toBe(first.buffer);
  expect(whole.byteOffset).toBe(first.byteOffset + 3);
  whole.set(bytes);
  const floats = decoder.decode(whole, 'BF16');
  expect(floats.buffer).toBe(whole.buffer);
  expectSame(floats, bytesToFloats(bytes, 'BF16'));
  const integers = decoder.decode(whole, 'I16'); // no loop knows these
  expectSame(integers, bytesToFloats(bytes, 'I16'));
  expectSame(decoder.decode(whole.subarray(2, 60), 'BF16'), bytesToFloats(bytes.subarray(2, 60), 'BF16'));
  expect([...whole.subarray(0, 1000)]).toEqual([...bytes.subarray(0, 1000)]);
});

test('memory beyond the room is other memory, and what was given back is given again', () => {
  const decoder = new FloatsDecoder({ room: 100 });
  const inside = decoder.allocate(60);
  const outside = decoder.allocate(60);
  expect(outside.buffer).not.toBe(inside.buffer);
  expect(outside).toHaveLength(60);
  decoder.release();
  expect(decoder.allocate(60).byteOffset).toBe(inside.byteOffset);
  expect(new FloatsDecoder({ vectors: false, room: 100 }).allocate(60).buffer.byteLength).toBe(60);
});

test('what has no vectors is decoded all the same', () => {
  const integers = Int16Array.of(1, -2, 3);
  expect([...new FloatsDecoder().decode(new Uint8Array(integers.buffer), 'I16')]).toEqual([...integers]);
  const bytes = every('F16');
  expectSame(new FloatsDecoder({ vectors: false }).decode(bytes, 'F16'), bytesToFloats(bytes, 'F16'));
  expect(() => new FloatsDecoder().decode(new Uint8Array(3), 'F16')).toThrow(
    'no whole number of elements of 2',
  );
});
