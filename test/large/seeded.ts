// A DiT of any size, whose weights and inputs are seeded numbers that are drawn on the device. reference/seeded_dit.py
// follows the same rules, so that a model too large for a fixture can be compared with PyTorch.

import { type Context, DiT, type DiTConfig } from '@moviegen/dit';
import { add, type Device, keep, mul, randn, scope, Tensor } from '@moviegen/tensor';

/** Tokens per text encoder. */
const LENGTHS = { ul2: 40, metaclip: 20, byt5: 10 } as const;

type Plain = 'f32' | 'f16';

/** The i-th weight, in the order of names, has seed 1000 + i. Matrices are scaled by 1 / sqrt(inputs); norms are about 1. */
export function seededDiT(device: Device, config: DiTConfig, dtype: Plain): DiT {
  const shapes = Object.entries(DiT.weightShapes(config)).sort(([a], [b]) => (a < b ? -1 : 1));
  const weights = shapes.map(([name, shape], i): [string, Tensor] => {
    const weight = scope(device, () => {
      const normals = randn(device, shape, { seed: 1000 + i, dtype });
      if (name.endsWith('norm.weight')) return add(mul(normals, 0.1), 1);
      const isMatrix = shape.length > 1 && !name.includes('table') && !name.includes('pos_embed');
      return mul(normals, isMatrix ? 1 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b)) : 0.1);
    });
    return [name, keep(weight)];
  });
  return new DiT(device, config, Object.fromEntries(weights));
}

/** Inputs of a forward pass. */
export interface SeededInputs {
  readonly x: Tensor;
  readonly t: Tensor;
  readonly context: Context;
  dispose(): void;
}

/** @param latent frames, height and width. */
export function seededInputs(dit: DiT, latent: readonly number[], dtype: Plain): SeededInputs {
  const { device, config } = dit;
  const states = Object.entries(config.textDims).map(([name, dim], i) => {
    const length = LENGTHS[name as keyof typeof LENGTHS];
    return [
      name,
      { states: randn(device, [1, length, dim], { seed: 2 + i, dtype }), lengths: [length] },
    ] as const;
  });
  const context = dit.context(Object.fromEntries(states));
  for (const [, { states: tensor }] of states) tensor.dispose();
  const x = randn(device, [1, config.inChannels, ...latent], { seed: 1 });
  const t = Tensor.from(device, [0.4]);
  const dispose = () => {
    for (const used of [x, t, context]) used.dispose();
  };
  return { x, t, context, dispose };
}
