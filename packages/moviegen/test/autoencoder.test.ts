// An autoencoder alone: public image autoencoders as diffusers saves them, compared with diffusers' results; the autoencoder of
// a Movie Gen checkpoint; and the errors about folders that hold something else.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memorySource } from '@moviegen/safetensors';
import { TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { afterEach, expect, test } from 'vitest';
import type { CheckpointFiles } from '../src/checkpointFiles.ts';
import { measureTiling } from '../src/cli/judge/tiling.ts';
import {
  Autoencoder,
  type AutoencoderOptions,
  CheckpointError,
  decodePng,
  encodePng,
  type Frames,
  InputError,
  MovieGen,
} from '../src/index.ts';
import { openFixture } from '../src/parity/parity.ts';
import { frameOf } from '../src/video/frames.ts';
import { fixtures } from './parity/fixtures.ts';

const device = await testDevice();
const { used } = device.memory();
const root = fileURLToPath(new URL('../fixtures', import.meta.url));
let open: Autoencoder[] = [];
const load = async (source: string | CheckpointFiles, options: AutoencoderOptions = {}) => {
  const autoencoder = await Autoencoder.fromPretrained(source, { device, ...options });
  open.push(autoencoder);
  return autoencoder;
};
afterEach(() => {
  for (const autoencoder of open) autoencoder.dispose();
  open = [];
  expect(device.memory().used).toBe(used);
});

const byte = (value: number) => Math.round((Math.min(1, Math.max(-1, value)) + 1) * 127.5);

/** Images of a fixture, [N, 3, H, W], as frames of a video. */
function framesFrom({ data, shape }: { data: ArrayLike<number>; shape: readonly number[] }): Frames {
  const [N, , H, W] = shape as [number, number, number, number];
  const frames = new Uint8Array(N * H * W * 3);
  for (let n = 0; n < N; n++)
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < H * W; i++) frames[(n * H * W + i) * 3 + c] = byte(data[(n * 3 + c) * H * W + i]!);
  return { data: frames, shape: [N, H, W, 3] };
}

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

test.each(['autoencoder-kl-4', 'autoencoder-kl-4/old-names', 'autoencoder-kl-16'])(
  '%s: images and a video, frame by frame, as diffusers does them',
  async (folder) => {
    const given = await (await openFixture(fixtures, folder.split('/')[0]!)).open('frames');
    const frames = framesFrom(given.values('input.image'));
    const latents = given.values('output.latents'); // [N, C, H, W], shifted and scaled
    const images = framesFrom(given.values('output.image'));
    const [N, C, H, W] = latents.shape as [number, number, number, number];
    const size = H * W;
    const one = (n: number) => Array.from(latents.data).slice(n * C * size, (n + 1) * C * size);

    const autoencoder = await load(join(root, folder));
    expect([autoencoder.factor, autoencoder.config.latentChannels]).toEqual([8, C]);
    for (let n = 0; n < N; n++) {
      const png = decodePng(encodePng(frames, n));
      const encoded = await autoencoder.encode(png);
      expect(encoded.shape).toEqual([C, 1, H, W]);
      expect(furthest(encoded.data, one(n)) / Math.max(...one(n).map(Math.abs))).toBeLessThan(1e-4);
      const image = await autoencoder.decode(encoded);
      expect(image.shape).toEqual([1, 8 * H, 8 * W, 3]);
      expect(furthest(image.data, frameOf(images, n))).toBeLessThanOrEqual(1); // a value may lie between two
    }
    const video = await autoencoder.encode(frames);
    expect(video.shape).toEqual([C, N, H, W]);
    const inTime = Array.from({ length: N * C * size }, (_, i) => {
      const [c, n] = [Math.floor(i / (N * size)), Math.floor(i / size) % N];
      return one(n)[c * size + (i % size)]!;
    });
    expect(furthest(video.data, inTime) / Math.max(...inTime.map(Math.abs))).toBeLessThan(1e-4);
    const back: Frames[] = [];
    for await (const piece of autoencoder.decodeStream(video)) back.push(piece);
    expect(back.map(({ shape }) => shape[0])).toEqual([N]);
    expect(furthest(back[0]!.data, images.data)).toBeLessThanOrEqual(1);
  },
);

test('inflated: eight frames to a latent one, an image as before', async () => {
  const folder = join(root, 'autoencoder-kl-16');
  const [plain, inflated] = [await load(folder), await load(folder, { inflate: true })];
  const image: Frames = { data: Uint8Array.from({ length: 768 }, (_, i) => i % 256), shape: [1, 16, 16, 3] };
  const latents = await plain.encode(image);
  expect(await inflated.encode(image)).toEqual(latents);
  const [one] = [await plain.decode(latents)];
  expect(await inflated.decode(latents, { numFrames: 1 })).toEqual(one);
  const repeated = Array<Frames>(11).fill(image);
  const video = await inflated.encode(repeated);
  expect(video.shape).toEqual([16, 2, 2, 2]);
  const frames = await inflated.decode(video, { numFrames: 11 });
  for (const k of [0, 5, 10]) expect(frameOf(frames, k)).toEqual(one.data);
});

test('out of a Movie Gen checkpoint: nothing else is loaded', async () => {
  const told: string[] = [];
  const autoencoder = await load(TINY, { onProgress: ({ model }) => told.push(model) });
  expect(new Set(told)).toEqual(new Set(['tae']));
  expect(autoencoder.fps).toBe(12);
  const alone = device.memory().used - used;
  const movieGen = await MovieGen.fromPretrained(TINY, { device });
  expect(device.memory().used - used - alone).toBeGreaterThan(alone);
  const video: Frames = { data: Uint8Array.from({ length: 6912 }, (_, i) => i % 251), shape: [9, 16, 16, 3] };
  const latents = await autoencoder.encode(video, { sampleSeed: 3 });
  expect(latents).toEqual(await movieGen.encode(video, { sampleSeed: 3 }));
  expect(await autoencoder.decode(latents, { numFrames: 9 })).toEqual(
    await movieGen.decode(latents, { numFrames: 9 }),
  );
  movieGen.dispose();
});

/** A folder of other files than a fixture has. */
const files = (texts: Record<string, string>, below = ''): CheckpointFiles => ({
  label: 'somewhere',
  folder: (folder) => async (name) => {
    const path = join(folder, name);
    if (texts[path] !== undefined) return memorySource(new TextEncoder().encode(texts[path]), path);
    if (below !== '' && !folder.startsWith('vae')) return undefined;
    const bytes = await readFile(join(root, below || '.none', name)).catch(() => undefined);
    return bytes && memorySource(bytes, path);
  },
});

test('out of a pipeline of diffusers: its folder vae', async () => {
  const index = JSON.stringify({
    _class_name: 'StableDiffusionPipeline',
    vae: ['diffusers', 'AutoencoderKL'],
  });
  const autoencoder = await load(files({ 'model_index.json': index }, 'autoencoder-kl-4'));
  expect(autoencoder.config.latentChannels).toBe(4);
});

test('force_upcast: f32 where f16 would overflow', async () => {
  const loading = load(join(root, 'autoencoder-kl-4'), { dtype: 'f16' }); // its config says so
  if (device.target.f16) expect((await loading).dtype).toBe('f32');
  else await expect(loading).rejects.toThrow('needs the feature shader-f16');
  expect((await load(join(root, 'autoencoder-kl-4'))).dtype).toBe('f32');
});

const t5 = '{"model_type":"t5","d_model":16}';
test.each<[string, CheckpointFiles | string, string]>([
  ['nothing', files({}), 'checkpoint: somewhere/config.json is missing'],
  [
    'another library’s model',
    files({ 'config.json': t5, 'model.safetensors': '' }),
    'safetensors open model.safetensors: ',
  ],
  [
    'a text encoder',
    join(root, 't5-relu'),
    'expected TemporalAutoencoder or AutoencoderKL; is this another model’s config?',
  ],
  [
    'weights of PyTorch’s own kind',
    files({ 'config.json': '{}', 'diffusion_pytorch_model.bin': '' }),
    'checkpoint: somewhere: its weights are in diffusion_pytorch_model.bin, which only PyTorch reads: load it there',
  ],
  [
    'no weights',
    files({ 'config.json': '{}' }),
    'checkpoint: somewhere: safetensors open: there is no checkpoint',
  ],
])('%s: one line', async (_, source, message) => {
  const error = await load(source).then(
    () => undefined,
    (reason: unknown) => reason as Error,
  );
  expect(error?.message.replaceAll("'", '’')).toContain(message);
  expect(error?.message).not.toContain('\n');
  if (!message.startsWith('safetensors')) expect(error).toBeInstanceOf(CheckpointError);
});

test('latents and frames that are not its own', async () => {
  const autoencoder = await load(join(root, 'autoencoder-kl-4'));
  const latents = { data: new Float32Array(12), shape: [4, 3, 1, 1] as const };
  expect(() => autoencoder.decodeStream(latents, { numFrames: 2 })).toThrow(
    new InputError('decode: these latents hold 3 frames, got numFrames 2'),
  );
  const three = { data: new Float32Array(3), shape: [3, 1, 1, 1] as const };
  await expect(autoencoder.decode(three)).rejects.toThrow('decode: latents must have 4 channels');
  const odd: Frames = { data: new Uint8Array(12 * 16 * 3), shape: [1, 12, 16, 3] };
  await expect(autoencoder.encode(odd)).rejects.toThrow('must be multiples of 8, got 16x12; pad or crop');
  await expect(autoencoder.encode([])).rejects.toThrow('encode: the video has no frames');
});

test('what tiles cost is measured against the run without any', async () => {
  const autoencoder = await load(TINY);
  const data = Uint8Array.from({ length: 16 * 8 * 40 * 3 }, (_, i) => (i * 7919) % 251);
  const clips: Frames[] = [{ data, shape: [16, 8, 40, 3] }];
  const done: number[] = [];
  const [whole, inTime, inSpace] = await measureTiling(autoencoder, clips, { onClip: (k) => done.push(k) });
  expect(done).toEqual([1]);
  expect(whole!.againstWhole).toBeUndefined();
  for (const row of [inTime!, inSpace!]) {
    expect(row.againstWhole).toBeGreaterThan(row.againstClip); // tiles of one model are nearer to it than to noise
    expect(Number.isFinite(row.againstWhole)).toBe(true);
  }
});
