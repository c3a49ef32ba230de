// The shipped models with weights and activations in f16 against the same in f32, where the adapter has f16.
import { fileURLToPath } from 'node:url';
import { psnr } from '@moviegen/tae';
import { randn, scope, scopeAsync, Tensor } from '@moviegen/tensor';
import { afterAll, expect, test } from 'vitest';
import { testDevice } from '../../tensor/test/device.ts';
import { openFiles } from '../src/checkpointFiles.ts';
import { loadModels, type Models } from '../src/models.ts';

const PROMPT = 'a big yellow square circles clockwise on a navy background';

const device = await testDevice();
const files = openFiles(fileURLToPath(new URL('../../../models/shapes-world', import.meta.url)));
const types = device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);
const models: Models[] = [];
for (const dtype of types) models.push(await loadModels(device, files, { dtype }));
afterAll(() => {
  for (const each of models) each.dispose();
});

/** A red square that moves over a gray background: [1, 3, 16, 64, 64]. */
function movingSquare(): Tensor {
  const [T, H, W] = [16, 64, 64];
  const data = new Float32Array(3 * T * H * W);
  for (let i = 0; i < data.length; i++) {
    const [c, t, y, x] = [
      Math.floor(i / (T * H * W)),
      Math.floor(i / (H * W)) % T,
      Math.floor(i / W) % H,
      i % W,
    ];
    const inside = Math.abs(y - 30) < 10 && Math.abs(x - 16 - 2 * t) < 10;
    data[i] = inside ? [0.8, -0.7, -0.7][c]! : 0;
  }
  return Tensor.from(device, data, [1, 3, T, H, W]);
}

test('the velocity', async () => {
  const velocities = await scopeAsync(device, async () => {
    const latents = randn(device, [2, 16, 2, 8, 8], { seed: 1 });
    const t = Tensor.from(device, [0.2, 0.9]);
    // What each model reads of a prompt, its encoders in its own type; numbers at random are no text to it.
    const outputs = models.map(({ dit, text }) => () => {
      return scope(device, () =>
        dit.forward(latents, t, dit.context(text.encode(['', PROMPT], { fps: 16 }))),
      );
    });
    await Promise.all(outputs.map((run) => device.warmUp(run)));
    return Promise.all(outputs.map((run) => run().read()));
  });
  const [full, half] = velocities;
  expect(full!.every(Number.isFinite)).toBe(true);
  if (!half) return; // this adapter has no f16
  let [difference, length] = [0, 0];
  full!.forEach((value, i) => {
    difference += (half[i]! - value) ** 2;
    length += value ** 2;
  });
  const error = Math.sqrt(difference / length);
  console.log(`velocity in f16: relative error ${error.toExponential(1)}`);
  expect(error).toBeLessThan(1e-2);
  expect(error).toBeGreaterThan(1e-6); // it was f16
}, 300_000);

test('a decoded video', async () => {
  await scopeAsync(device, async () => {
    const latent = scope(device, () => models[0]!.tae.encode(movingSquare()).mode());
    await Promise.all(models.map(({ tae }) => device.warmUp(() => tae.decode(latent, { numFrames: 16 }))));
    const videos = models.map(({ tae }) => tae.decode(latent, { numFrames: 16 }));
    expect((await videos[0]!.read()).every(Number.isFinite)).toBe(true);
    if (!videos[1]) return; // this adapter has no f16
    const decibels = await psnr(videos[1], videos[0]!);
    console.log(`video decoded in f16: ${decibels.toFixed(1)} dB`);
    expect(decibels).toBeGreaterThan(45);
    expect(decibels).toBeLessThan(120); // it was f16
  });
}, 300_000);
