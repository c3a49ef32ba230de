// A device that only counts: the same work holds the same bytes on it and on a real one.
import {
  attention,
  type Device,
  dryDevice,
  linear,
  pack,
  randn,
  scope,
  scopeAsync,
  Tensor,
} from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';

/** Some work: products, attention, a recording, something read. */
async function work(device: Device): Promise<void> {
  await scopeAsync(device, async () => {
    const x = randn(device, [2, 100, 64], { seed: 1 });
    const weight = pack([randn(device, [64, 64], { seed: 2 }), randn(device, [64, 64], { seed: 3 })]);
    const recording = device.record(() =>
      scope(device, () => linear(linear(x, weight), randn(device, [32, 128], { seed: 4 }))),
    );
    recording.run();
    const y = attention(x, x, x, { heads: 4 });
    await Promise.all([y.read(), recording.result.read()]);
    recording.destroy();
    await Tensor.zeros(device, [1000])
      .item()
      .catch(() => undefined);
  });
}

test('memory is that of a real device', async () => {
  const [real, dry] = [await testDevice(), await dryDevice({ like: await testDevice() })];
  for (const device of [real, dry]) {
    device.trim();
    device.resetPeak();
    await work(device);
  }
  const { allocated, ...counts } = real.memory();
  expect(dry.memory()).toEqual({ ...counts, allocated });
  expect(dry.limits).toEqual(real.limits);
  expect(dry.target).toEqual(real.target);
  dry.destroy();
  expect((await dry.lost).reason).toBe('destroyed');
});

test('dispatches are told, with the operations of products', async () => {
  const seen: [string, number | undefined, number][] = [];
  const dry = await dryDevice({
    onDispatch: ({ label, flops }, bytes) => seen.push([label.split(' ')[0]!, flops, bytes]),
  });
  const x = Tensor.empty(dry, [10, 64]);
  linear(x, pack(Tensor.empty(dry, [32, 64])));
  attention(x.reshape([1, 10, 64]), x.reshape([1, 10, 64]), x.reshape([1, 10, 64]), { heads: 2 });
  expect(seen).toEqual([
    ['pack', undefined, 4 * (2048 + 2048)],
    ['linear', 2 * 10 * 64 * 32, 4 * (640 + 2048 + 320)],
    ['attention', 4 * 10 * 10 * 64, 4 * (640 + 640)],
  ]);
  expect([...(await x.read())]).toEqual(new Array(640).fill(0));
  dry.destroy();
});
