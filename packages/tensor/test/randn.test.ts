// Our noise: the words of the definition exactly, the normals within 1e-6 on this adapter.
import { readFile } from 'node:fs/promises';
import { philoxNormal, philoxWords } from '@moviegen/kernels';
import { randn } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { describe, expect, test } from 'vitest';

const device = await testDevice();
const folder = new URL('../../moviegen/fixtures/philox/', import.meta.url);

interface FixtureCase {
  readonly name: string;
  readonly file: string;
  readonly args: { seed: string; stream: [number, number]; start: number; count: number };
}
const { cases }: { cases: FixtureCase[] } = JSON.parse(
  await readFile(new URL('fixture.json', folder), 'utf8'),
);

/** The bytes of the only tensor of a safetensors file. */
async function content(file: string): Promise<ArrayBuffer> {
  const bytes = await readFile(new URL(file, folder));
  const header = Number(bytes.readBigUInt64LE(0));
  return Uint8Array.from(bytes.subarray(8 + header)).buffer;
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let largest = 0;
  for (let i = 0; i < b.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
};

describe.each(cases)('$name', ({ file, args: { seed, stream, start, count } }) => {
  const options = { seed: BigInt(seed), stream, start };
  if (file.startsWith('words')) {
    test('words', async () => {
      expect(philoxWords(count, options)).toEqual(new Uint32Array(await content(file)));
    });
  } else {
    test('normals', async () => {
      const expected = new Float32Array(await content(file));
      expect(largestDifference(philoxNormal(count, options), expected)).toBeLessThan(5e-7); // two f64 libraries
      const got = await randn(device, [count], options).read();
      expect(largestDifference(got, expected)).toBeLessThan(1e-6);
    });
  }
});

test('the definition beyond the fixtures: 200,000 normals', async () => {
  const options = { seed: 2n ** 63n + 12345n, stream: [1, 7] as const };
  const got = await randn(device, [200_000], options).read();
  expect(largestDifference(got, philoxNormal(200_000, options))).toBeLessThan(1e-6);
});

test('an element depends on seed, stream and index alone', async () => {
  const whole = await randn(device, [40], { seed: 5, stream: 3 }).read();
  const tail = await randn(device, [3, 9], { seed: 5, stream: [3, 0], start: 13 }).read();
  expect([...tail]).toEqual([...whole.subarray(13)]);
});

test.each([
  [{ seed: -1 }, 'seed must be an integer from 0 to 2^64 - 1'],
  [{ seed: 0.5 }, 'got 0.5'],
  [{ seed: 2n ** 64n }, 'got 18446744073709551616'],
  [{ seed: 2 ** 60 }, 'a bigint above 2^53'],
  [{ seed: 1, stream: -1 }, 'stream must be one or two integers'],
  [{ seed: 1, start: -4 }, 'start must be an integer of at least 0'],
])('%o is refused', (options, message) => {
  expect(() => randn(device, [4], options)).toThrow(message);
});
