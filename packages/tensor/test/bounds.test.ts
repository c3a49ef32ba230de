// One submit holds no more work than its bounds say, recorded or not: no watchdog fires.
import { Tensor } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { afterAll, expect, test } from 'vitest';
import { affine } from './kernels.ts';

const device = await openDevice({ submit: { maxFlops: 100 } });
afterAll(() => device.destroy());
await device.precompile([affine(1)]); // a kernel that may yet be refused is submitted alone

/** Submits while `fn` runs. */
async function submits(fn: () => void): Promise<number> {
  await device.sync();
  const { queue } = device.gpu;
  const original = queue.submit.bind(queue);
  let count = 0;
  queue.submit = (commands) => {
    count++;
    return original(commands);
  };
  try {
    fn();
    device.submit();
    return count;
  } finally {
    queue.submit = original;
  }
}

test.each([
  [[40, 40, 40, 40, 40], 3],
  [[100, 100], 2],
  [[10, 500, 10, 10], 3], // what exceeds the bound by itself goes alone
  [[0, 0, 0], 1],
])('dispatches of %j operations take %i submits', async (flops, expected) => {
  const x = Tensor.from(device, [1]);
  const y = Tensor.empty(device, [1]);
  const work = () => {
    for (const each of flops) device.run({ ...affine(1, each), flops: each }, [x, y]);
  };
  expect(await submits(work)).toBe(expected);
  const last = 2 + flops.at(-1)!;
  expect(await y.item()).toBe(last); // the uniforms of a dispatch are those of its own submit
  const recording = device.record(work);
  await recording.ready();
  expect(await submits(() => recording.run())).toBe(expected);
  expect(await y.item()).toBe(last);
  recording.destroy();
  x.dispose();
  y.dispose();
});
