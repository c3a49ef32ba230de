// Cases of linear: operands x, weight, bias, gate, residual; options activation, and packed (the weight is
// prepacked at load, as in models). For a quantised weight, the reference multiplies the numbers that its codes represent.

import type { QuantFormat } from '../kernel.ts';
import { BYTES } from '../kernel.ts';
import { sizeOf } from '../shape.ts';
import { type Case, spec, type TensorSpec, wide } from './case.ts';

const tolerance = {
  f32: 1e-5,
  f16: 4e-3,
  why: 'sums of K products in f32, in another order than the reference; f16 rounds operands and result',
};

interface Parts {
  readonly bias?: boolean;
  readonly activation?: string;
  /** Shape of the gate. */
  readonly gate?: readonly number[];
  readonly early?: number;
  /** `wide`: stays f32 when the case is run in f16. */
  readonly residual?: boolean | 'wide';
  readonly packed?: boolean;
  /** Type of the weight if it is quantised. */
  readonly weight?: QuantFormat;
}

function linear(x: readonly number[], N: number, parts: Parts, use: Case['use']): Case {
  const K = x.at(-1)!;
  const rows = sizeOf(x.slice(0, -1));
  const out = [...x.slice(0, -1), N];
  const { bias, gate, early, residual, packed = true, activation, weight = 'f32' } = parts;
  const inputs: Record<string, TensorSpec> = { x: spec(x), weight: spec([N, K], 'normal', weight) };
  if (bias) inputs.bias = spec([N]);
  if (gate) inputs.gate = spec(gate);
  if (residual) inputs.residual = residual === 'wide' ? wide(spec(out, { normalTimes: 1e5 })) : spec(out);
  const fused = [
    packed ? '' : 'plain weight',
    weight === 'f32' ? '' : `${weight} weight`,
    bias ? 'bias' : '',
    activation ?? '',
    gate ? `gate ${gate.join('x')}${early === undefined ? '' : ` early ${early}`}` : '',
    residual === 'wide' ? 'wide residual' : residual ? 'residual' : '',
  ].filter(Boolean);
  return {
    op: 'linear',
    name: `${x.join('x')} to ${N}${fused.length ? `, ${fused.join(' + ')}` : ''}`,
    inputs,
    options: { packed, ...(activation && { activation }), ...(early !== undefined && { early }) },
    tolerance,
    flops: 2 * rows * K * N,
    bytes: 4 * (rows * K + rows * N * (residual ? 2 : 1)) + BYTES[weight] * K * N,
    use,
  };
}

export const linearCases: readonly Case[] = [
  linear([1, 1], 1, {}, 'test'),
  linear([3, 5], 7, { bias: true }, 'test'),
  linear([3, 5], 7, { packed: false }, 'test'),
  linear([2, 16], 12, { packed: false, bias: true, activation: 'silu', residual: true }, 'test'),
  linear([2, 17, 24], 20, { bias: true, activation: 'silu' }, 'test'),
  linear([2, 9, 24], 22, { bias: true, activation: 'gelu', gate: [22], residual: true }, 'test'),
  linear([2, 9, 24], 20, { gate: [2, 20], residual: true }, 'test'),
  linear([4, 3, 10], 36, { activation: 'gelu-tanh', residual: true }, 'test'),
  linear([2, 9, 24], 22, { bias: true, gate: [2, 22], residual: 'wide' }, 'test'),
  linear([2, 9, 96], 20, { weight: 'q8', residual: 'wide' }, 'test'),
  linear([2, 9, 24], 20, { bias: true, gate: [2, 2, 20], early: 4, residual: 'wide' }, 'test'),
  linear([2, 80, 8], 22, { gate: [2, 22], early: 64, residual: true }, 'test'),
  linear([31, 64], 48, { bias: true, activation: 'quick-gelu' }, 'test'),
  linear([19, 8], 4, { activation: 'relu', gate: [4] }, 'test'),
  linear([64, 256], 96, { gate: [96], residual: true }, 'test'),
  linear([1, 32], 4, { weight: 'q8' }, 'test'),
  linear([1, 32], 4, { weight: 'q4' }, 'test'),
  linear([2, 9, 96], 20, { weight: 'q8', bias: true, gate: [2, 20], residual: true }, 'test'),
  linear([2, 9, 96], 20, { weight: 'q4', bias: true, gate: [2, 20], residual: true }, 'test'),
  linear([37, 64], 68, { weight: 'q8' }, 'test'),
  linear([37, 64], 68, { weight: 'q4' }, 'test'),
  linear([19, 32], 8, { weight: 'q8', packed: false }, 'test'),
  // Shapes world's DiT: 2 guidance branches of 32 tokens, D 256, FFN 768.
  linear([64, 256], 768, {}, 'bench'),
  linear([2, 32, 256], 256, { gate: [2, 256], residual: true }, 'bench'),
  linear([2, 32, 768], 256, { gate: [2, 256], residual: true }, 'bench'),
  linear([2, 256], 1536, { bias: true }, 'bench'),
  linear([64, 64], 256, { bias: true }, 'bench'),
  linear([2, 32, 768], 256, { weight: 'q8', gate: [2, 256], residual: true }, 'bench'),
  linear([2, 32, 768], 256, { weight: 'q4', gate: [2, 256], residual: true }, 'bench'),
  linear([512, 512], 512, {}, 'bench'),
  linear([32, 1024], 4096, {}, 'bench'),
];
