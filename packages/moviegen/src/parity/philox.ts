// Normal noise on a fixture's cases. The normals come from the device, the random words behind them from the same algorithm
// on the host: the device keeps no words, but every bit of a word affects a normal.

import { philoxWords } from '@moviegen/kernels';
import { randn, scope } from '@moviegen/tensor';
import type { ParityLoader } from './parity.ts';

interface Noise {
  readonly seed: string;
  readonly stream: readonly [number, number];
  readonly start: number;
  readonly count: number;
}

/** The noise of a fixture: it has no weights. */
export const loadPhilox: ParityLoader = async (device) => ({
  run({ args, order }, report) {
    const { seed, stream, start, count } = args as unknown as Noise;
    const which = { seed: BigInt(seed), stream, start };
    if (order.includes('output.words'))
      report('output.words', { shape: [count], data: philoxWords(count, which) });
    else scope(device, () => report('output.normals', randn(device, [count], which)));
  },
  dispose() {},
});
