// A stream that outgrows halves: the same function on one that does not.

import { parseConfig, TAE, weightShapes } from '@moviegen/tae';
import { mul, randn, scope, scopeAsync, type Tensor } from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { fitHalves } from '../src/halves.ts';

const config = parseConfig({
  temporal: true,
  latent_channels: 4,
  block_out_channels: [4, 4, 8, 8],
  layers_per_block: 1,
  norm_num_groups: 2,
});
const device = await testDevice();

/** Random weights whose changes of resolution, and the convolutions beside them, enlarge a hundredfold. */
function wild(): Record<string, Tensor> {
  const weights = Object.entries(weightShapes(config)).map(([name, shape], i) => {
    const fan = shape.slice(1).reduce((a, b) => a * b, 1);
    const times = /samplers|shortcut|conv2/.test(name) && !name.endsWith('bias') ? 10 : 1;
    return [name, scope(device, () => mul(randn(device, shape, { seed: i }), times / Math.sqrt(fan)))];
  });
  return Object.fromEntries(weights);
}

test('encoder and decoder compute what they did, within the range of halves', async () => {
  await scopeAsync(device, async () => {
    const results: { largest: number; decoded: ArrayLike<number>; mean: ArrayLike<number> }[] = [];
    for (const fit of [false, true]) {
      const weights = wild();
      if (fit) await fitHalves(weights);
      const tae = new TAE(device, config, weights);
      const latent = randn(device, [1, 4, 1, 2, 2], { seed: 500 });
      const streams: Promise<ArrayLike<number>>[] = [];
      const trace = (name: string, value: Tensor) => {
        if (/blocks\.\d$|mid_block$|samplers\.0\.conv/.test(name)) streams.push(value.read());
      };
      const decoded = await tae.decode(latent, { trace }).read();
      const mean = await tae.encode(randn(device, [1, 3, 8, 16, 16], { seed: 501 }), { trace }).mean.read();
      let largest = 0;
      for (const values of await Promise.all(streams))
        for (const value of Array.from(values)) largest = Math.max(largest, Math.abs(value));
      results.push({ largest, decoded, mean });
      tae.dispose();
    }
    const [before, after] = results;
    expect(before!.largest).toBeGreaterThan(1e6);
    expect(after!.largest).toBeLessThan(2000);
    expect(compareArrays(after!.decoded, before!.decoded).error).toBeLessThan(1e-4);
    expect(compareArrays(after!.mean, before!.mean).error).toBeLessThan(1e-4);
  });
});
