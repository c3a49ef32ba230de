import { describe, expect, test } from 'vitest';
import { bytesToFloats, floatsToHalves } from '../src/formats/convert.ts';
import {
  bfloat16ToFloat,
  float8e4m3ToFloat,
  float8e5m2ToFloat,
  floatToHalf,
  halfToFloat,
} from '../src/formats/numbers.ts';

describe('half', () => {
  test('every half survives conversion to a float and back', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfToFloat(bits);
      if (Number.isNaN(value)) expect(Number.isNaN(halfToFloat(floatToHalf(value)))).toBe(true);
      else if (floatToHalf(value) !== bits) throw new Error(`${bits.toString(16)} -> ${value}`);
    }
  });

  test('rounds to nearest, ties to even, at every boundary between neighbours', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const middle = (halfToFloat(bits) + halfToFloat(bits + 1)) / 2; // exact in f32
      const even = bits % 2 === 0 ? bits : bits + 1;
      const nudge = middle * 2 ** -22;
      if (floatToHalf(middle) !== even) throw new Error(`tie at ${middle}`);
      if (floatToHalf(middle - nudge) !== bits) throw new Error(`below ${middle}`);
      if (floatToHalf(-middle - nudge) !== (0x8000 | (bits + 1))) throw new Error(`above -${middle}`);
    }
  });

  test.each([
    [65504, 0x7bff],
    [65519.996, 0x7bff],
    [65520, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
    [2 ** -25, 0],
    [-0, 0x8000],
  ])('%f -> %i', (value, bits) => expect(floatToHalf(value)).toBe(bits));

  test('arrays convert as elements do', () => {
    const values = [0.1, -3.25, 1e-6, 7e4, Number.NaN];
    expect([...floatsToHalves(Float32Array.from(values))]).toEqual(
      values.map((v) => floatToHalf(Math.fround(v))),
    );
    expect([...floatsToHalves(values)]).toEqual(values.map(floatToHalf));
  });
});

test('8-bit floats at their landmarks', () => {
  expect([0x00, 0x01, 0x08, 0x38, 0x7e, 0xfe].map(float8e4m3ToFloat)).toEqual([
    0,
    2 ** -9,
    2 ** -6,
    1,
    448,
    -448,
  ]);
  expect(float8e4m3ToFloat(0x7f)).toBeNaN();
  expect([0x01, 0x3c, 0x7b, 0x7c].map(float8e5m2ToFloat)).toEqual([
    2 ** -16,
    1,
    57344,
    Number.POSITIVE_INFINITY,
  ]);
});

describe('bytesToFloats', () => {
  const values = [1.5, -0.25, 1024, 0];
  const bytes = (array: ArrayBufferView): Uint8Array =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const misaligned = (from: Uint8Array): Uint8Array => {
    const padded = new Uint8Array(from.length + 1);
    padded.set(from, 1);
    return padded.subarray(1);
  };

  test.each([
    ['F64', Float64Array.from(values)],
    ['F32', Float32Array.from(values)],
    ['F16', Uint16Array.from(values, floatToHalf)],
    ['BF16', Uint16Array.from([0x3fc0, 0xbe80, 0x4480, 0])],
  ])('%s, aligned or not', (type, array) => {
    expect([...bytesToFloats(bytes(array), type)]).toEqual(values);
    expect([...bytesToFloats(misaligned(bytes(array)), type)]).toEqual(values);
  });

  test('every bfloat16', () => {
    const codes = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const floats = bytesToFloats(bytes(codes), 'BF16');
    for (const bits of codes) if (!Object.is(floats[bits], bfloat16ToFloat(bits))) throw new Error(`${bits}`);
    const odd = bytesToFloats(bytes(codes.subarray(0x3f81, 0x3f84)), 'BF16'); // an odd start, an odd count
    expect([...odd]).toEqual([0x3f81, 0x3f82, 0x3f83].map(bfloat16ToFloat));
  });

  test('integers', () => {
    expect([...bytesToFloats(bytes(BigInt64Array.from([-2n, 7n])), 'I64')]).toEqual([-2, 7]);
    expect([...bytesToFloats(new Uint8Array([255, 1]), 'I8')]).toEqual([-1, 1]);
  });

  test('an unknown type and a ragged length are refused', () => {
    expect(() => bytesToFloats(new Uint8Array(4), 'constructor')).toThrow('unknown element type constructor');
    expect(() => bytesToFloats(new Uint8Array(3), 'F16')).toThrow(
      '3 bytes are not a whole number of elements of 2',
    );
  });
});
