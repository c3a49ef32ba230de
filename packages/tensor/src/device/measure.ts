// The time of one kernel on operands made for it. What they hold does not matter, except for lengths, which are as long
// as can be.
import { BYTES, type Kernel } from '@moviegen/kernels';
import { scopeAsync } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import type { Device } from './device.ts';

/** No more than this for the runs of one variant, but two always. */
const BUDGET_MS = 60;
const MOST_RUNS = 7;
/** A first run that takes so many times as long as the best variant's is the only one. */
const HOPELESS = 2;

/** Milliseconds of one run: the median of a few, after one that counts only where it is far behind `best`. */
export const measureKernel = (device: Device, kernel: Kernel, bytes: readonly number[], best: number) =>
  scopeAsync(device, async () => {
    await device.precompile([kernel]);
    const operands = kernel.bindings.map(({ dtype, name }, i) => {
      const size = Math.round(bytes[i]! / BYTES[dtype]);
      if (dtype === 'u32') return Tensor.full(device, [size], 0xffffffff, dtype, name);
      // Zeros: infinities and subnormals that may lie in old memory take other times. Quantised ones in whole blocks.
      return Tensor.zeros(device, dtype === 'f32' || dtype === 'f16' ? [size] : [size / 32, 32], dtype, name);
    });
    const once = async (): Promise<number> => (await device.time(() => device.run(kernel, operands))).ms;
    const first = await once();
    if (first > HOPELESS * best) return first;
    const times = [await once(), await once()];
    while (times.length < MOST_RUNS && times.reduce((sum, ms) => sum + ms, 0) < BUDGET_MS)
      times.push(await once());
    return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
  });
