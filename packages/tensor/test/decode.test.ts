// Floats of weight files decoded by the device beside the host's own conversion: every code of every type, to the bit. What blocks
// of GGUF files are is held against ggml's own library in packages/gguf.
import { readFileSync } from 'node:fs';
import { Gguf } from '@moviegen/gguf';
import {
  bytesToFloats,
  type DecodeRange,
  decodeKernel,
  floatsToHalves,
  type Kernel,
  unitOf,
} from '@moviegen/kernels';
import { scopeAsync, Tensor } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { describe, expect, test } from 'vitest';

const device = await testDevice();
type Target = 'f32' | 'f16';
const targets: readonly Target[] = ['f32', 'f16'];

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const every8 = Uint8Array.from(upTo(256));
const every16 = new Uint8Array(Uint16Array.from(upTo(65536)).buffer);

/** Doubles at the edges of singles and of halves: ties, their neighbours, and what lies beyond. */
function doubles(): Float64Array<ArrayBuffer> {
  const near = (value: number): number[] => {
    const words = new BigInt64Array(Float64Array.of(value).buffer)[0]!;
    return [-1n, 0n, 1n].map((step) => new Float64Array(BigInt64Array.of(words + step).buffer)[0]!);
  };
  const powers = upTo(300).map((i) => 2 ** (i - 165));
  const edges = powers.flatMap((p) =>
    [1, 1 + 2 ** -24, 1 + 3 * 2 ** -24, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 - 2 ** -24, 2 - 2 ** -25]
      .map((factor) => p * factor)
      .flatMap(near),
  );
  const rare = [
    0,
    Number.MIN_VALUE,
    2 ** -1022,
    Number.MAX_VALUE,
    Number.POSITIVE_INFINITY,
    65519.999,
    65520,
  ];
  const some = upTo(2000).map((i) => Math.sin(i) * 2 ** ((i % 300) - 150));
  const all = [...edges, ...rare, ...some];
  return Float64Array.from([...all, ...all.map((value) => -value), Number.NaN]);
}

const files = {
  F32: new Uint8Array(Float32Array.from(doubles()).buffer),
  F16: every16,
  BF16: every16,
  F8_E4M3: every8,
  F8_E5M2: every8,
  F64: new Uint8Array(doubles().buffer),
} as const;
type FileType = keyof typeof files;

/** What the host makes of the bytes: the words of f32, or the halves of f16. */
function onHost(bytes: Uint8Array, type: string, to: Target, scale?: number): Uint32Array | Uint16Array {
  const floats = bytesToFloats(bytes, type);
  if (scale !== undefined) for (const [i, value] of floats.entries()) floats[i] = scale * value;
  return to === 'f16' ? floatsToHalves(floats) : new Uint32Array(floats.buffer);
}

/** What the device makes of them, into elements that were all ones. Words, so that no adapter needs f16. */
async function onDevice(
  bytes: Uint8Array,
  type: string,
  to: Target,
  range: DecodeRange,
  size: number,
): Promise<Uint32Array | Uint16Array> {
  return scopeAsync(device, async () => {
    const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    padded.set(bytes);
    const raw = Tensor.from(device, new Uint32Array(padded.buffer));
    const words = Math.ceil(size / (to === 'f16' ? 2 : 1));
    const out = Tensor.full(device, [words], 0xffffffff, 'u32');
    const kernel = decodeKernel(type, to, range);
    const bindings = kernel.bindings.map((binding) => ({ ...binding, dtype: 'u32' as const }));
    device.run({ ...kernel, bindings } satisfies Kernel, [raw, out]);
    const { buffer } = (await out.read()) as Uint32Array<ArrayBuffer>;
    return to === 'f16' ? new Uint16Array(buffer, 0, size) : new Uint32Array(buffer);
  });
}

/** NaN of a double has no one single that stands for it. */
const isNaNWord = (bits: number, to: Target) =>
  to === 'f32' ? (bits & 0x7fffffff) > 0x7f800000 : (bits & 0x7fff) > 0x7c00;

describe.each(Object.keys(files) as FileType[])('%s', (type) => {
  test.each(targets.filter((to) => type.toLowerCase() !== to))('to %s', async (to) => {
    const bytes = files[type];
    const expected = onHost(bytes, type, to);
    const range = { from: 0, first: 0, count: expected.length };
    const made = await onDevice(bytes, type, to, range, expected.length);
    expect(made.length).toBe(expected.length);
    for (const [i, bits] of expected.entries()) {
      if (made[i] === bits) continue;
      if (type === 'F64' && isNaNWord(bits, to) && isNaNWord(made[i]!, to)) continue;
      throw new Error(`${type} ${i} to ${to}: ${made[i]!.toString(16)}, not ${bits.toString(16)}`);
    }
  });

  test.each(targets.filter((to) => type.toLowerCase() !== to))('a range of it to %s', async (to) => {
    const ones = to === 'f16' ? 0xffff : 0xffffffff;
    const bytes = files[type].slice(0, 256);
    const all = onHost(bytes, type, to);
    for (const [from, first, count] of [
      [3, 5, 6],
      [4, 2, 1],
      [0, 3, 0],
      [7, 0, 9],
    ] as const) {
      const made = await onDevice(bytes, type, to, { from, first, count }, 16);
      const expected = new Array<number>(16).fill(ones);
      for (let i = 0; i < count; i++) expected[first + i] = all[from + i]!;
      expect([...made]).toEqual(expected);
    }
  });
});

const gguf = await Gguf.open(readFileSync(new URL('../../gguf/fixtures/blocks.gguf', import.meta.url)));
const blocks = gguf.names().filter((name) => /^Q/.test(name));

test.each(blocks.flatMap((type) => targets.map((to) => [type, to] as const)))(
  'blocks of %s to %s, from any word of a window',
  async (type, to) => {
    const bytes = await gguf.read(type);
    const { elements } = unitOf(type);
    const all = onHost(bytes, type, to);
    const window = new Uint8Array(12 + bytes.length);
    window.set(bytes, 12);
    const range = { base: 3, from: elements + 2, first: 4, count: 300 };
    const made = await onDevice(window, type, to, range, 304);
    expect([...made.subarray(4)]).toEqual([...all.subarray(elements + 2, elements + 302)]);
  },
);

test.each(targets)('with a scale to %s', async (to) => {
  for (const type of ['F8_E4M3', 'F8_E5M2'] as const) {
    const scale = Math.fround(0.0137);
    const expected = onHost(every8, type, to, scale);
    const made = await onDevice(every8, type, to, { from: 0, first: 0, count: 256, scale }, 256);
    for (const [i, bits] of expected.entries())
      if (!(isNaNWord(bits, to) && isNaNWord(made[i]!, to))) expect([i, made[i]]).toEqual([i, bits]);
  }
});

test('a type that no kernel reads is a mistake of ours', () => {
  const range = { from: 0, first: 0, count: 1 };
  expect(() => decodeKernel('I64', 'f32', range)).toThrow('internal: decode: I64 to f32');
  expect(() => decodeKernel('F32', 'f32', range)).toThrow('internal: decode: F32 to f32');
});
