// Quantised weights on a fixture's cases. A file that the reference's encoder wrote is loaded unchanged; its weight is compared
// with the numbers of the reference's decoder, and so is the product of a linear layer.

import { linear, loadWeights, pack, scope, Tensor } from '@moviegen/tensor';
import type { ParityLoader } from './parity.ts';

/** A linear layer whose weight is quantised, in a folder for each format. */
export const loadQuantized: ParityLoader = async (device, fixture) => ({
  async run({ args, values }, report) {
    const { shape, data } = values('input.x');
    const source = await fixture.weights(String(args.format));
    const spec = { 'proj.weight': [20, 96], 'proj.bias': [20] };
    const isLinear = (name: string) => name === 'proj.weight';
    const weights = await loadWeights(device, source, spec, { linear: isLinear });
    const weight = weights['proj.weight'];
    report('weight', { shape: weight.shape, data: await weight.read() });
    scope(device, () => {
      const x = Tensor.from(device, Float32Array.from(data), shape);
      report('output.y', linear(x, pack(weight), { bias: weights['proj.bias'] }));
    });
    for (const tensor of Object.values(weights)) tensor.dispose();
  },
  dispose() {},
});
