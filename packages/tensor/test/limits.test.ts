// The limits that the adapter really has: 1 GiB a buffer on SwiftShader, 128 MiB a binding on llvmpipe. What would be
// large is only counted; where bindings are small enough, it is computed too.
import {
  add,
  attention,
  type Device,
  dryDevice,
  linear,
  pack,
  rmsNorm,
  scope,
  scopeAsync,
  silu,
  swiglu,
  Tensor,
} from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';

const device = await testDevice();
const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
const binding = Math.min(maxStorageBufferBindingSize, maxBufferSize);

/** Runs work on a device that has this adapter's limits and allocates nothing. */
async function counted(work: (dry: Device) => void) {
  let [buffer, dispatches] = [0, 0];
  const dry = await dryDevice({
    like: device,
    onBuffer: (bytes) => {
      buffer = Math.max(buffer, bytes);
    },
    onDispatch: () => dispatches++,
  });
  scope(dry, () => work(dry));
  dry.destroy();
  return { buffer, dispatches };
}

test('weights of 30b and of one and a half bindings are packed within the limits', async () => {
  const rows = Math.ceil((1.5 * binding) / 4 / 6144 / 2 / 64) * 64; // two of them
  const { buffer, dispatches } = await counted((dry) => {
    const x = Tensor.empty(dry, [2, 16, 6144]);
    const [w1, w3] = [Tensor.empty(dry, [rows, 6144]), Tensor.empty(dry, [rows, 6144])];
    const both = pack([w1, w3], { use: 'swiglu' });
    expect(both.parts!.length).toBeGreaterThan(1);
    expect(swiglu(x, both).shape).toEqual([2, 16, rows]);
    expect(linear(x, pack([w1, w3])).shape).toEqual([2, 16, 2 * rows]);
    const wq = Tensor.empty(dry, [6144, 6144]);
    expect(linear(x, pack([wq, wq, wq]), { residual: Tensor.empty(dry, [2, 16, 3 * 6144]) }).size).toBe(
      32 * 3 * 6144,
    );
  });
  expect(dispatches).toBeGreaterThan(8);
  expect(buffer).toBeLessThanOrEqual(maxBufferSize);
});

test('activations of one and a half bindings are taken in parts, and lie in several buffers if need be', async () => {
  const N = Math.ceil((1.5 * binding) / 4 / 6144);
  const { buffer } = await counted((dry) => {
    const x = Tensor.empty(dry, [1, N, 6144]);
    const y = attention(rmsNorm(x), x, x, { heads: 48 });
    expect(linear(y, pack(Tensor.empty(dry, [6144, 6144])), { residual: x }).shape).toEqual(x.shape);
  });
  expect(buffer).toBeLessThanOrEqual(maxBufferSize);
});

test('and compute the same, where that is cheap', async () => {
  if (binding > 2 ** 28) return expect(binding).toBeGreaterThan(2 ** 28);
  await scopeAsync(device, async () => {
    const [N, D] = [Math.ceil((1.01 * binding) / 4 / 4096), 4096];
    const x = silu(add(Tensor.zeros(device, [N, D]), 1));
    const one = 1 / (1 + Math.exp(-1));
    const last = await x
      .reshape([N, D])
      .rows(N - 8, N)!
      .read();
    expect(last.every((value) => Math.abs(value - one) < 1e-6)).toBe(true);
    const weight = pack(x); // [N, 4096]: more than a binding
    expect(weight.parts!.length).toBe(2);
    const y = await linear(add(Tensor.zeros(device, [2, D]), 0.5), weight).read();
    expect(y.length).toBe(2 * N);
    expect(y.every((value) => Math.abs(value / (0.5 * D * one) - 1) < 1e-4)).toBe(true);
  });
  device.trim();
});
