// A Wan transformer of any size, whose weights and inputs are seeded numbers that are drawn on the device.
// reference/seeded_wan.py follows the same rules with diffusers' own class.

import { add, type Device, keep, mul, randn, scope, Tensor } from '@moviegen/tensor';
import { type WanContext, WanTransformer, type WanTransformerConfig } from '@moviegen/wan';

/** Rows of text that are not zeros. */
const TEXT = 40;

/** The i-th weight, in the order of names, has seed 1000 + i. Matrices are scaled by 1 / sqrt(inputs); norms are about 1. */
export function seededWan(
  device: Device,
  config: WanTransformerConfig,
  dtype: 'f32' | 'f16',
): WanTransformer {
  const shapes = Object.entries(WanTransformer.weightShapes(config)).sort(([a], [b]) => (a < b ? -1 : 1));
  const weights = shapes.map(([name, shape], i): [string, Tensor] => {
    const weight = scope(device, () => {
      const normals = randn(device, shape, { seed: 1000 + i, dtype });
      if (name.includes('norm') && name.endsWith('.weight')) return add(mul(normals, 0.1), 1);
      const isMatrix = shape.length > 1 && !name.includes('table');
      return mul(normals, isMatrix ? 1 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b)) : 0.1);
    });
    return [name, keep(weight)];
  });
  return new WanTransformer(device, config, Object.fromEntries(weights));
}

/** Inputs of a forward pass. */
export interface SeededWanInputs {
  readonly x: Tensor;
  readonly t: Tensor;
  readonly context: WanContext;
  dispose(): void;
}

/** @param latent frames, height and width. */
export function seededWanInputs(model: WanTransformer, latent: readonly number[]): SeededWanInputs {
  const { device, config } = model;
  const states = randn(device, [1, TEXT, config.textDim], { seed: 2 });
  const context = model.context({ states, lengths: [TEXT] });
  states.dispose();
  const x = randn(device, [1, config.inChannels, ...latent], { seed: 1 });
  const t = Tensor.from(device, [640]);
  const dispose = () => {
    for (const used of [x, t, context]) used.dispose();
  };
  return { x, t, context, dispose };
}
