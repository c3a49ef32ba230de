// Pictures for an image tower, as PIL and transformers make them. reference/pictures.py has made the answers.

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseImageProcessor, processFrames } from '../src/imageProcessor.ts';
import { type ResampleFilter, resampled } from '../src/video/resample.ts';

interface Made {
  readonly resized: readonly (Record<'pixels' | ResampleFilter, string> &
    Record<'shape' | 'size', [number, number]>)[];
  readonly processed: readonly {
    readonly config: object;
    readonly shape: [number, number];
    readonly pixels: string;
    readonly values: [number, number, number];
    readonly expected: string;
  }[];
}
const made: Made = JSON.parse(await readFile(new URL('pictures.json', import.meta.url), 'utf8'));
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
const frameOf = ({ pixels, shape: [H, W] }: { readonly pixels: string; readonly shape: [number, number] }) =>
  ({ data: bytes(pixels), shape: [1, H, W, 3] }) as const;

test.each(made.resized)('resized as PIL does, $shape to $size', (given) => {
  const [height, width] = given.size;
  for (const filter of ['bilinear', 'bicubic', 'lanczos'] as const) {
    const { data, shape } = resampled(frameOf(given), height, width, filter);
    expect(shape).toEqual([1, height, width, 3]);
    expect([...data], filter).toEqual([...bytes(given[filter])]);
  }
});

test('two frames are resized as each alone', () => {
  const one = frameOf(made.resized[0]!);
  const two = { data: Uint8Array.of(...one.data, ...one.data.toReversed()), shape: [2, 9, 14, 3] } as const;
  const last = { data: one.data.toReversed(), shape: one.shape };
  const size = 5 * 7 * 3;
  const { data } = resampled(two, 5, 7, 'bicubic');
  expect([...data.subarray(0, size)]).toEqual([...resampled(one, 5, 7, 'bicubic').data]);
  expect([...data.subarray(size)]).toEqual([...resampled(last, 5, 7, 'bicubic').data]);
});

test.each(made.processed)('processed as transformers does: $config', (given) => {
  const { data, shape } = processFrames(parseImageProcessor(given.config, 224), frameOf(given));
  expect(shape).toEqual([1, ...given.values]);
  const expected = new Float32Array(bytes(given.expected).buffer);
  expect(data).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(data[i]!, `value ${i}`).toBeCloseTo(value, 5);
});

test('a config that is wrong is refused key by key', () => {
  expect(() => parseImageProcessor({ resample: 0, image_mean: [1], size: 0.5 }, 8)).toThrow(
    'image processor: config is wrong:',
  );
  expect(() => parseImageProcessor({ crop_size: { height: 3 } }, 8)).toThrow('width: got undefined');
});
