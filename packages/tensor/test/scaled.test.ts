// 8-bit floats with scales of their own, as ComfyUI's files hold them.
import { floatToHalf } from '@moviegen/kernels';
import { openFile } from '@moviegen/safetensors/node';
import { loadWeights, readFloats, scaledSource, type WeightSource } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';

const device = await testDevice();
const fixtures = new URL('../../wan/fixtures/', import.meta.url).pathname;

type Entry = readonly [dtype: string, shape: readonly number[], bytes: ArrayLike<number>];
const f32 = (...values: number[]): Entry => ['F32', [], new Uint8Array(Float32Array.from(values).buffer)];
const sourceOf = (entries: Record<string, Entry>): WeightSource => ({
  names: () => Object.keys(entries),
  shape: (name) => entries[name]![1],
  dtype: (name) => entries[name]![0],
  read: async (name) => Uint8Array.from(entries[name]![2]),
});

test('values are multiplied, marks and scales are gone', async () => {
  const half = (value: number) => [floatToHalf(value) & 255, floatToHalf(value) >> 8];
  const source = await scaledSource(
    sourceOf({
      scaled_fp8: ['F8_E4M3', [0], []],
      'a.weight': ['F8_E4M3', [2, 2], [0x38, 0xb8, 0x40, 0x08]], // 1, -1, 2, 2^-6
      'a.scale_weight': f32(0.5),
      'a.scale_input': f32(3),
      'b.weight': ['F8_E5M2', [1, 2], [0x3c, 0xc2]], // 1, -3
      'b.weight_scale': ['F16', [1], half(0.25)],
      'b.comfy_quant': ['U8', [2], [123, 125]],
      'c.weight': ['F8_E4M3', [1], [0x38]],
    }),
  );
  const spec = { 'a.weight': [2, 2], 'b.weight': [1, 2], 'c.weight': [1] };
  const values = { 'a.weight': [0.5, -0.5, 1, 2 ** -7], 'b.weight': [0.25, -0.75], 'c.weight': [1] };
  expect(source.names()).toEqual(Object.keys(spec));
  const loaded = await loadWeights(device, source, spec);
  for (const [name, wanted] of Object.entries(values)) {
    expect([...(await loaded[name as keyof typeof spec].read())]).toEqual(wanted);
    expect([...(await readFloats(source, name))]).toEqual(wanted);
    loaded[name as keyof typeof spec].dispose();
  }
});

test("ComfyUI's umT5 is close to the weights that it was made of", async () => {
  const [file, plain] = await Promise.all([
    openFile(`${fixtures}original/comfy/umt5_fp8_scaled.safetensors`),
    openFile(`${fixtures}t2v/text_encoder/model.safetensors`),
  ]);
  const source = await scaledSource(file);
  const names = source.names().filter((name) => name !== 'spiece_model');
  expect(new Set(names)).toEqual(new Set(plain.names()));
  for (const name of names) {
    const [got, given] = [await readFloats(source, name), await readFloats(plain, name)];
    const most = given.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    for (const [i, value] of got.entries()) // three bits of a fraction, and what is below the smallest code
      if (Math.abs(value - given[i]!) > 0.07 * Math.abs(given[i]!) + most / 448 / 512)
        expect([name, i, value]).toEqual(given[i]);
  }
  await Promise.all([file.close(), plain.close()]);
});

test('weights with scales are quantised as their products are', async () => {
  const codes = Array.from({ length: 128 }, (_, i) => (i * 37) & 0x7e);
  const source = await scaledSource(
    sourceOf({ 'a.weight': ['F8_E4M3', [4, 32], codes], 'a.scale_weight': f32(2 ** -5) }),
  );
  const plain = await readFloats(source, 'a.weight');
  const options = { quantize: 'q8', linear: () => true } as const;
  const { 'a.weight': made } = await loadWeights(device, source, { 'a.weight': [4, 32] }, options);
  const most = Math.max(...plain);
  for (const [i, value] of (await made.read()).entries())
    expect(Math.abs(value - plain[i]!)).toBeLessThan(most / 200);
  made.dispose();
});

test.each([
  [
    { 'a.weight': ['F16', [1], [0, 0]], 'a.scale_weight': f32(1) },
    'a.weight is F16, and only F8_E4M3 and F8_E5M2 are read with a scale',
  ],
  [
    { 'a.weight': ['F8_E4M3', [2], [0, 0]], 'a.scale_weight': ['F32', [2], []] },
    'a.scale_weight is [2], and only one number per weight is read',
  ],
  [{ 'a.bias': f32(1), 'a.weight_scale': f32(1) }, 'there is no a.weight, which a.weight_scale would scale'],
] as [Record<string, Entry>, string][])(
  '%#: scales that do not fit are refused',
  async (entries, message) => {
    await expect(scaledSource(sourceOf(entries))).rejects.toThrow(`weights: scales do not fit: ${message}`);
  },
);

test('a file without scales is left as it is', async () => {
  const source = sourceOf({ 'a.weight': ['F8_E4M3', [1], [0]] });
  expect(await scaledSource(source)).toBe(source);
});
