// The decoder in WebAssembly beside the plain one: every code of every type, to the bit.
import { describe, expect, test } from 'vitest';
import { bytesToFloats } from '../src/convert.ts';
import { DECODED_AT_ONCE, floatsDecoder } from '../src/decodeVectors.ts';

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
  const decode = floatsDecoder();
  const bytes = every(type);

  test('every code', () => {
    const floats = decode(bytes, type);
    expect(floats.buffer.byteLength).toBe(6 * DECODED_AT_ONCE); // in WebAssembly's memory
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
      expectSame(decode(raw, type), bytesToFloats(raw, type));
    }
  });

  test('counts that fill no vector, and bytes that begin anywhere', () => {
    const size = codes[type] === 256 ? 1 : 2;
    for (const count of [1, 3, 15, 16, 17, 100]) {
      const part = bytes.slice(0, 100 * size + 1).subarray(1, 1 + count * size);
      expect([...decode(part, type)]).toEqual([...bytesToFloats(part, type)]);
    }
    expect(decode(new Uint8Array(), type)).toHaveLength(0);
  });

  test('more than fits at once', () => {
    const many = new Uint8Array(2 * DECODED_AT_ONCE + 2).fill(0x3c);
    expectSame(decode(many, type), bytesToFloats(many, type));
  });
});

test('what has no vectors is decoded all the same', () => {
  const doubles = new Uint8Array(Float64Array.of(0.1, -2, Number.POSITIVE_INFINITY).buffer);
  expect([...floatsDecoder()(doubles, 'F64')]).toEqual([Math.fround(0.1), -2, Number.POSITIVE_INFINITY]);
  const bytes = every('F16');
  expectSame(floatsDecoder({ vectors: false })(bytes, 'F16'), bytesToFloats(bytes, 'F16'));
  expect(() => floatsDecoder()(new Uint8Array(3), 'F16')).toThrow('no whole number of elements of 2');
});
