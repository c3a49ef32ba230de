import { expect, test } from 'vitest';
import { bytesToFloats } from '../src/formats/convert.ts';
import { encodableTypes, floatsToBytes } from '../src/formats/encode.ts';

const back = (values: number[], type: string) => [
  ...bytesToFloats(floatsToBytes(Float32Array.from(values), type), type),
];

test('every value of a format survives', () => {
  for (const [type, bytes, count] of [
    ['F8_E4M3', 1, 256],
    ['F8_E5M2', 1, 256],
    ['F16', 2, 65536],
    ['BF16', 2, 65536],
  ] as const) {
    const codes = bytes === 1 ? new Uint8Array(count) : new Uint16Array(count);
    for (let i = 0; i < count; i++) codes[i] = i;
    const raw = new Uint8Array(codes.buffer);
    const values = bytesToFloats(raw, type);
    const again = floatsToBytes(values, type);
    for (let i = 0; i < count; i++) {
      if (Number.isNaN(values[i])) continue;
      for (let b = 0; b < bytes; b++)
        if (again[i * bytes + b] !== raw[i * bytes + b]) throw new Error(`${type} ${i}`);
    }
    expect(back([Number.NaN], type)).toEqual([Number.NaN]);
  }
});

test('rounds to nearest, ties to even, at the edges too', () => {
  // 8-bit neighbours: 1, 1.125, 1.25 and 1, 1.25, 1.5
  expect(back([1.0625, 1.1875, 1.07, -1.18], 'F8_E4M3')).toEqual([1, 1.25, 1.125, -1.125]);
  expect(back([1.125, 1.375, 1.126], 'F8_E5M2')).toEqual([1, 1.5, 1.25]);
  expect(back([464, 465, -1e9, 2 ** -10, 2 ** -10 * 1.01, -0], 'F8_E4M3')).toEqual([
    448,
    Number.NaN,
    Number.NaN,
    0,
    2 ** -9,
    -0,
  ]);
  expect(back([61439, 61440, Number.NEGATIVE_INFINITY], 'F8_E5M2')).toEqual([
    57344,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
  expect(back([1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38], 'BF16')).toEqual([
    1,
    1 + 2 ** -6,
    Number.POSITIVE_INFINITY,
  ]);
  expect(back([0.1], 'F64')).toEqual([Math.fround(0.1)]);
  expect(() => floatsToBytes(new Float32Array(1), 'I8')).toThrow('cannot write element type I8');
  expect(encodableTypes).toContain('F32');
});
