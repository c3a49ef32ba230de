// The ceilings that an adapter is measured against: plausible numbers, nothing left behind.
import { scopeAsync, Tensor } from '@moviegen/tensor';
import { measureCeilings } from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { create } from 'webgpu';
import { multiplyAddKernel, subgroupMatrixKernel } from '../src/checks/ceilings.ts';

const device = await testDevice();
/** Checks kernels without a driver; it must outlive its devices. */
const nowhere = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);

test('ceilings are measured, and their memory is given back', async () => {
  const { used } = device.memory();
  const { flops, copyBytes } = await measureCeilings(device);
  // From a crowded core to the largest GPU.
  for (const rate of [copyBytes, ...Object.values(flops)]) {
    expect(rate).toBeGreaterThan(1e7);
    expect(rate).toBeLessThan(1e16);
  }
  expect('f16' in flops).toBe(device.target.f16);
  expect('subgroupMatrix' in flops).toBe(device.target.subgroupMatrix.length > 0 && device.target.f16);
  expect(device.memory().used).toBe(used);
});

test('an aborted measurement ends with the reason', async () => {
  await expect(measureCeilings(device, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
    'enough',
  );
});

test('every multiply-add counts: chains give the sums that their rounds say', async () => {
  await scopeAsync(device, async () => {
    const out = Tensor.empty(device, [256 * 4]);
    device.run(multiplyAddKernel('f32', 1, 2), [out]);
    const values = await out.read();
    const chain = (c: number) => {
      for (let i = 0; i < 2 * 4; i++) c = Math.fround(Math.fround(0.9) * c + Math.fround(0.1));
      return c;
    };
    let expected = 0;
    for (let i = 0; i < 8; i++) expected += chain(3 + i); // of invocation 3
    expect(values[12]! / expected).toBeCloseTo(1, 5);
  });
});

test('kernels of subgroup matrices are valid WGSL', async () => {
  const adapter = await nowhere.requestAdapter();
  const features = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];
  const gpu = await adapter!.requestDevice({ requiredFeatures: features });
  for (const [resultComponentType, N] of [
    ['f32', 16],
    ['f16', 8],
  ] as const) {
    const config = { componentType: 'f16', resultComponentType, M: 16, N, K: 16 };
    const { code } = subgroupMatrixKernel(config, 32, 8, 4);
    const { messages } = await gpu.createShaderModule({ code }).getCompilationInfo();
    expect(messages.map(({ message }) => message)).toEqual([]);
  }
  gpu.destroy();
});
