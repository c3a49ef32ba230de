// Tiling as a library sees it: memory that is flat in the number of frames, tiles chosen by the adapter's limits, and what is
// left behind. That tiles give what the reference's tiles give is in parity.test.ts.

import { parseConfig, TAE, weightShapes } from '@moviegen/tae';
import { concat, type Device, mul, randn, scope, type Tensor } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { testDevice } from '@moviegen/testing/device';
import { beforeAll, expect, test, vi } from 'vitest';
import { fitsOn, spansOf, tileGrid } from '../src/grid.ts';

const sizes = { temporal: true, latent_channels: 2, layers_per_block: 1, norm_num_groups: 1 };
const config = parseConfig({ ...sizes, block_out_channels: [4, 4, 4, 4] });

let device: Device;
let tae: TAE;

/** A model of random weights. */
function model(on: Device, of = config): TAE {
  const weights = Object.entries(weightShapes(of)).map(([name, shape], seed) => {
    const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
    return [name, scope(on, () => mul(randn(on, shape, { seed }), 1 / Math.sqrt(fanIn)))] as const;
  });
  return new TAE(on, of, Object.fromEntries(weights));
}

beforeAll(async () => {
  device = await testDevice();
  tae = model(device);
});

test('memory is the same for 64, 128 and 256 frames, to the byte, and nothing is left behind', async () => {
  const { used } = device.memory();
  const peaks: Record<number, { encode: number; decode: number }> = {};
  // The first tile's kernels are compiled with uniforms of their own: 32 frames come twice.
  for (const T of [32, 32, 64, 128, 256]) {
    device.resetPeak();
    const latents: Float32Array[] = [];
    const pieces = function* () {
      for (let t = 0; t < T; t += 16) {
        const piece = randn(device, [1, 3, 16, 16, 16], { seed: t });
        yield piece;
        piece.dispose();
      }
    };
    for await (const { mean, logvar } of tae.encodeTiled(pieces())) {
      latents.push((await mean.read()) as Float32Array);
      mean.dispose();
      logvar.dispose();
    }
    expect(latents.length).toBe(T / 32);
    const encode = device.memory().peakUsed - used;

    device.resetPeak();
    let frames = 0;
    const part = (start: number, end: number) => randn(device, [1, 2, end - start, 2, 2], { seed: start });
    for await (const piece of tae.decodeTiled({ shape: [1, 2, T / 8, 2, 2], part })) {
      frames += piece.shape[2]!;
      piece.dispose();
    }
    expect(frames).toBe(T);
    peaks[T] = { encode, decode: device.memory().peakUsed - used };
    expect(device.memory().used).toBe(used);
  }
  console.log(`bytes beside the weights, by frames: ${JSON.stringify(peaks)}`);
  expect(peaks[128]).toEqual(peaks[64]);
  expect(peaks[256]).toEqual(peaks[64]);
  // One tile has none before it to be blended with.
  expect(peaks[32]!.encode).toBe(peaks[64]!.encode);
  expect(peaks[32]!.decode).toBeLessThanOrEqual(peaks[64]!.decode);
});

test('what a tile runs is compiled, and tuned where that is wanted, once for each size', async () => {
  const warmUp = vi.spyOn(device, 'warmUp');
  try {
    for (const T of [3, 11, 11]) {
      const latent = randn(device, [1, 2, T, 2, 4], { seed: T });
      for await (const piece of tae.decodeTiled(latent, { tile: 3, overlap: 1 })) piece.dispose();
      latent.dispose();
    }
    expect(warmUp.mock.calls.length).toBe(1);
  } finally {
    warmUp.mockRestore();
  }
});

test('who stops early leaves nothing behind', async () => {
  const { used } = device.memory();
  const z = randn(device, [1, 2, 9, 3, 3], { seed: 1 });
  for await (const piece of tae.decodeTiled(z, { spatialTile: 2 })) {
    piece.dispose();
    break;
  }
  z.dispose();
  const video = randn(device, [1, 3, 33, 16, 8], { seed: 1 });
  for await (const { mean, logvar } of tae.encodeTiled(video, { spatialTile: 1, spatialOverlap: 0 })) {
    for (const tensor of [mean, logvar]) tensor.dispose();
    break;
  }
  video.dispose();
  expect(device.memory().used).toBe(used);
});

test('frames beyond the adapter’s limits are tiled, and as the same tiles of a larger adapter', async () => {
  // 32 frames of 8x8 need 32 KiB (4 channels of f32 at full size): tiles of 2x2 latent pixels fit.
  const limit = 2 ** 17;
  const small = await openDevice({
    limits: { maxStorageBufferBindingSize: limit, maxBufferSize: limit + 256 },
  });
  const one = model(small);
  const fits = fitsOn(small, config, 'f32', 4);
  const grid = tileGrid('test', [4, 3], {}, fits);
  expect(grid).toEqual(tileGrid('test', [4, 3], { spatialTile: 2, spatialOverlap: 0 }, fits));

  const tiles = { spatialTile: 2, spatialOverlap: 0 };
  const values = async (on: TAE, options: object) => {
    const z = randn(on.device, [1, 2, 5, 2, 3], { seed: 3 });
    const pieces: number[] = [];
    const made: number[][] = [];
    for await (const piece of on.decodeTiled(z, { numFrames: 38, ...options })) {
      pieces.push(piece.shape[2]!);
      made.push([...(await piece.read())]);
      piece.dispose();
    }
    z.dispose();
    return { pieces, made };
  };
  const [there, here] = [await values(one, {}), await values(tae, tiles)];
  expect(here).toEqual(there);
  one.dispose();
  small.destroy();
});

test('tiles: where they lie, how many, and when there are none', () => {
  const starts = (length: number, size: number, overlap: number) =>
    spansOf(length, size, overlap).map(({ start, end }) => `${start}-${end}`);
  expect(starts(5, 8, 2)).toEqual(['0-5']);
  expect(starts(12, 5, 2)).toEqual(['0-5', '3-8', '6-11', '9-12']);
  expect(starts(4, 2, 0)).toEqual(['0-2', '2-4']);
  // 45 pixels fit: three tiles of about one size rather than two large ones and a sliver.
  const most = (pixels: number) => (h: number, w: number) => h * w <= pixels;
  const { rows, columns, overlap } = tileGrid('test', [96, 60], {}, most(45 * 45));
  expect([rows.length, columns.length, overlap]).toEqual([3, 2, 11]);
  expect(rows.map(({ start, end }) => end - start)).toEqual([40, 40, 38]);
  expect(tileGrid('test', [96, 60], {}, () => true).rows).toEqual([{ start: 0, end: 96 }]);
  expect(() => tileGrid('test', [2, 2], {}, () => false)).toThrow('cannot hold even a tile of one pixel');
});

test('an image autoencoder’s tiles share no frames: they agree anyway', async () => {
  const { temporal: _, ...image } = config;
  const plain = model(device, { ...image, temporal: false });
  const z = randn(device, [1, 2, 9, 1, 1], { seed: 4 });
  const whole = plain.decode(z);
  const pieces: Tensor[] = [];
  for await (const piece of plain.decodeTiled(z)) pieces.push(piece);
  expect(pieces.map(({ shape }) => shape[2])).toEqual([4, 4, 1]);
  const joined = concat(pieces, { axis: 2 });
  expect(await joined.read()).toEqual(await whole.read());
  for (const tensor of [z, whole, joined, ...pieces]) tensor.dispose();
  plain.dispose();
});
