import { Tensor } from '@moviegen/tensor';
import { expect, test } from 'vitest';
import { testDevice } from './device.ts';
import { affine } from './kernels.ts';

const device = await testDevice();

test('a kernel runs', async () => {
  const x = Tensor.from(device, [1, 2, 3]);
  const y = Tensor.empty(device, [3]);
  device.run(affine(3), [x, y]);
  expect([...(await y.read())]).toEqual([3, 5, 7]);
});
test('time', async () => {
  const x = Tensor.from(device, [1, 2, 3]);
  const y = Tensor.empty(device, [3]);
  console.log(
    await device.time(() => {
      for (let i = 0; i < 100; i++) device.run(affine(3), [x, y]);
    }),
  );
  console.log(device.memory(), device.target);
});
