// The measurement of large models, at a size that every machine can run, against PyTorch with the same seeds.

import { fileURLToPath } from 'node:url';
import { configs } from '@moviegen/dit';
import { dryDevice } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { transformerConfigs } from '@moviegen/wan';
import { expect, test } from 'vitest';
import { referenceOf, runLarge, runLargeWan, wanReferenceOf } from './run.ts';

const device = await testDevice();

test('a seeded model computes the same as PyTorch with the same seeds, and releases its memory', async () => {
  const small = await referenceOf(fileURLToPath(new URL('small.safetensors', import.meta.url)));
  const { used } = device.memory();
  const bounds = { f32: 1e-4, ...(device.target.f16 && { f16: 5e-3 }) };
  for (const [dtype, bound] of Object.entries(bounds)) {
    const result = await runLarge(device, { ...small, dtype: dtype as 'f32' | 'f16', runs: 2 });
    expect(result).toMatchObject({ tokens: 48, layers: 2, finite: true });
    expect(result.error).toBeLessThan(bound);
    expect(result.forward.length).toBe(2);
    expect(result.peakUsed).toBeGreaterThan(result.weights.bytes);
  }
  expect(device.memory().used).toBe(used);
});

test("a seeded Wan transformer computes the same as diffusers' with the same seeds", async () => {
  const small = await wanReferenceOf(fileURLToPath(new URL('wan-small.safetensors', import.meta.url)));
  const { used } = device.memory();
  const bounds = { f32: 1e-4, ...(device.target.f16 && { f16: 2e-2 }) };
  for (const [dtype, bound] of Object.entries(bounds)) {
    const result = await runLargeWan(device, { ...small, dtype: dtype as 'f32' | 'f16', runs: 1 });
    expect(result).toMatchObject({ tokens: 48, layers: 2, finite: true });
    expect(result.error).toBeLessThan(bound);
  }
  expect(device.memory().used).toBe(used);
});

test('Wan 1.3B whole at 32,760 tokens, counted on a dry device', async () => {
  let flops = 0;
  const dry = await dryDevice({
    onDispatch: (told) => {
      flops += told.flops ?? 0;
    },
  });
  const config = transformerConfigs['1.3b'];
  const result = await runLargeWan(dry, { config, latent: [21, 60, 104], dtype: 'f16', runs: 1 });
  dry.destroy();
  expect(result).toMatchObject({ tokens: 32_760, layers: 30, finite: true });
  // The specification: 0.28 PFLOP a pass, 1,418,996,800 weights.
  expect(flops / 1e15).toBeCloseTo(0.28, 2);
  expect(result.weights.bytes / 2 / 1_418_996_800).toBeCloseTo(1, 1); // buffers come in classes
});

test("30b whole at 73,728 tokens runs within a large GPU's limits, counted on a dry device", async () => {
  const ops: Record<string, number> = {};
  const dry = await dryDevice({
    onDispatch: ({ label, flops = 0 }) => {
      const op = label.split(' ')[0]!;
      ops[op] = (ops[op] ?? 0) + flops;
    },
  });
  const result = await runLarge(dry, { config: configs['30b'], latent: [32, 96, 96], dtype: 'f16', runs: 1 });
  dry.destroy();
  expect(result).toMatchObject({ tokens: 73_728, layers: 48, finite: true });
  // The specification: about 10.2 PFLOP per forward pass, 63% of them in attention.
  const total = Object.values(ops).reduce((a, b) => a + b);
  expect(total / 1e15).toBeCloseTo(10.2, 1);
  expect(ops.attention! / total).toBeCloseTo(0.63, 2);
  const gigabytes = (bytes: number) => bytes / 1e9;
  expect(gigabytes(result.weights.bytes)).toBeCloseTo(58.6, 0);
  // Five activations of [73,728, 6144] in f16, and ranges of tokens.
  expect(gigabytes(result.peakUsed - result.weights.bytes)).toBeLessThan(8);
});
