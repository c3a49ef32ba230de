// Run by resident.test.ts in a process of its own: what the device says it holds, and what the process then holds more,
// one line of JSON.
import { castKernel } from '@moviegen/kernels';
import { Tensor } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';

const MIB = 2 ** 20;
const device = await openDevice();
const [small, other] = [Tensor.zeros(device, [1]), Tensor.zeros(device, [1])];
const copy = castKernel(1, 'f32', 'f32');
/** Bytes that the device tells, and those of the process, once all work is done. */
async function now() {
  // Buffers that were destroyed go when later work is done.
  for (let i = 0; i < 3; i++) {
    small.write([i]);
    device.run(copy, [small, other]);
    await device.sync();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  globalThis.gc?.();
  return { told: device.memory().allocated, resident: process.memoryUsage().rss };
}

// A first buffer makes the adapter's own memory and code resident.
Tensor.zeros(device, [8 * MIB]).dispose();
device.trim();
const before = await now();
const tensors = [24, 40, 64, 100].map((mib) => Tensor.zeros(device, [(mib * MIB) / 4]));
const full = await now();
for (const tensor of tensors) tensor.dispose();
const pooled = await now();
device.trim();
const after = await now();
console.log(JSON.stringify({ software: device.info.software, before, full, pooled, after }));
device.destroy();
