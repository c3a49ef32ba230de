// Previews: a linear map from latents to colours, fitted to known ones.

import { expect, test } from 'vitest';
import { type Latents, latentsFrom } from '../src/generate/latents.ts';
import { fitProjection, projectLatents } from '../src/generate/preview.ts';

const C = 6;
const shape = [C, 2, 3, 10] as const;
const plane = 60;
const latents: Latents = latentsFrom(
  Float32Array.from({ length: C * plane }, (_, i) => Math.sin(1.7 * i + (i % 11) ** 2)),
  shape,
);

/** Red is the first channel, green minus half the third and a bit, blue nothing but a constant. */
const colours = Float32Array.from({ length: plane * 3 }, (_, i) => {
  const at = Math.floor(i / 3);
  const value = (c: number) => latents.data[c * plane + at]!;
  return [0.8 * value(0), 0.25 - 0.5 * value(2), -0.5][i % 3]!;
});

test('finds the map behind the colours', () => {
  const pictures = projectLatents(latents, fitProjection(latents, colours));
  expect(pictures.shape).toEqual([2, 3, 10, 3]);
  for (const [i, value] of pictures.data.entries())
    expect(Math.abs(value - (colours[i]! + 1) * 127.5), `value ${i}`).toBeLessThan(4); // the ridge pulls a little
});

test('clamps what lies beyond black and white', () => {
  const projection = { weights: new Float64Array(3 * C), bias: Float64Array.of(7, -7, 0) };
  expect([...projectLatents(latents, projection).data.subarray(0, 3)]).toEqual([255, 0, 128]);
});

test('does not fail where channels say nothing', () => {
  const flat = latentsFrom(new Float32Array(C * plane), shape);
  const { data } = projectLatents(flat, fitProjection(flat, new Float32Array(plane * 3).fill(0.5)));
  expect(new Set(data)).toEqual(new Set([191]));
});
