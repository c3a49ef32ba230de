// The command for large models, at a size that always runs: seeded weights against PyTorch's of the same seeds.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { testDevice } from '../../packages/tensor/test/device.ts';
import { referenceOf, runLarge } from './main.ts';

const device = await testDevice();

test('a seeded model gives what PyTorch gives of the same seeds, and its memory back', async () => {
  const small = await referenceOf(fileURLToPath(new URL('small.safetensors', import.meta.url)));
  const { used } = device.memory();
  const bounds = { f32: 1e-4, ...(device.target.f16 && { f16: 3e-2 }) }; // f16: as many roundings as layers are deep
  for (const [dtype, bound] of Object.entries(bounds)) {
    const result = await runLarge(device, { ...small, dtype: dtype as 'f32' | 'f16', runs: 2 });
    expect(result).toMatchObject({ tokens: 48, layers: 2, finite: true });
    expect(result.error).toBeLessThan(bound);
    expect(result.forward.length).toBe(2);
    expect(result.peakUsed).toBeGreaterThan(result.weights.bytes);
  }
  expect(device.memory().used).toBe(used);
});
