// The text of every kernel on tensor cores, in every class, held against Dawn's WGSL validator: its null backend has the
// language, but no driver and no matrices to run.
import {
  attentionKernel,
  type ConvShape,
  convKernel,
  type Kernel,
  linearKernel,
  linearVariants,
  matmulKernel,
  swigluKernel,
} from '@moviegen/kernels';
import { targets } from '@moviegen/testing/targets';
import { expect, test } from 'vitest';
import { create } from 'webgpu';

const gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
const adapter = await gpu.requestAdapter();
const features = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];
// The binding frees an adapter, and an instance, that nothing holds any more under its device.
const dawn = { gpu, adapter, device: await adapter!.requestDevice({ requiredFeatures: features }) };

const conv: ConvShape = {
  ...{
    batch: 1,
    C: 128,
    O: 128,
    groups: 1,
    before: 0,
    input: [1, 64, 64],
    output: [1, 64, 64],
    kernel: [1, 3, 3],
  },
  ...{ upsample: [1, 1, 1], stride: [1, 1, 1], dilation: [1, 1, 1], pad: [0, 1, 1] },
  ...{ replicate: false, channelsLast: true, activation: 'silu' },
};

/** Every class of text of an adapter. */
function* kernels(name: string): Generator<Kernel> {
  const target = targets[name]!;
  const shape = { rows: 4096, K: 6144, N: 6144, pitch: 1536 };
  for (const variant of linearVariants(shape, target, 'f16').filter((v) => v.startsWith('matrix'))) {
    for (const weight of ['f16', 'q8', 'q4'] as const) {
      yield linearKernel({ ...shape, weight, activation: 'gelu' }, 'f16', target, variant);
      yield swigluKernel({ ...shape, weight }, 'f16', target, variant);
    }
    yield linearKernel({ ...shape, N: 6142 }, 'f16', target, variant);
    yield linearKernel({ ...shape, residual: true, stream: 'f32' }, 'f16', target, variant);
    yield convKernel(conv, 32, { bias: true, residual: true }, 'f16', target, variant);
    for (const N of [4096, 4098])
      for (const transposed of [{}, { transposeA: true }, { transposeB: true }]) {
        const a = transposed.transposeA ? [64, 256] : [256, 64];
        const b = transposed.transposeB ? [N, 64] : [64, N];
        yield matmulKernel({ a, b, ...transposed }, 'f16', target, variant);
      }
  }
  for (const D of [10, 64, 128])
    for (const parts of [
      { causal: false, keyLengths: true },
      { causal: true, keyLengths: false },
    ]) {
      const rows = { pitch: 3 * 8 * D, start: 0 };
      const bias = parts.causal ? { batchStride: 0, headStride: 0, rowStride: 0, mask: true } : undefined;
      const sizes = { batch: 2, heads: 8, keyHeads: 8, N: 1000, M: 1000, D, valueSize: D, scale: 0.1 };
      yield attentionKernel({ ...sizes, q: rows, k: rows, v: rows, bias, ...parts }, 'f16', target, 'matrix');
    }
}

test.each(Object.keys(targets))('%s', async (name) => {
  const texts = new Map([...kernels(name)].map(({ code, label }) => [code, label]));
  expect(texts.size).toBeGreaterThan(10);
  for (const [code, label] of texts) {
    dawn.device.pushErrorScope('validation');
    dawn.device.createShaderModule({ label, code });
    const error = await dawn.device.popErrorScope();
    expect(error?.message ?? '', label).toBe('');
  }
});
