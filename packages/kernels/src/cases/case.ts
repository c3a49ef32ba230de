// What a case is: the shapes, options and tolerance of one use of an op. One list of cases drives the
// correctness tests and the benchmark, so that exactly what is checked is timed.

import { dequantize, isQuantFormat, quantize } from '../formats/quantize.ts';
import type { DType } from '../kernel.ts';
import { type NDArray, zeros } from '../reference/ndarray.ts';

/** How the elements of an operand are drawn. `normalTimes` is a normal number times this factor. */
export type Fill =
  | 'normal'
  | 'uniform'
  | 'positive'
  | 'ones'
  | 'zeros'
  | { readonly integersBelow: number }
  | { readonly normalTimes: number };

/** Shape, type and content of an operand. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly fill: Fill;
  /** Stays f32 when the case is run in f16; the other `f32` operands become f16. */
  readonly wide?: boolean;
}

/** One use of an op. */
export interface Case {
  readonly op: string;
  /** Unique within the op: `64x48 x 48x33`. */
  readonly name: string;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly options: Readonly<Record<string, unknown>>;
  /** Bound on max|a - b| / max|b| by storage type, and its reason. */
  readonly tolerance: { readonly f32: number; readonly f16: number; readonly why: string };
  /** Arithmetic operations of the algorithm; a multiply-add counts as two. */
  readonly flops: number;
  /** Bytes that the algorithm must read and write in f32. */
  readonly bytes: number;
  readonly use: 'test' | 'bench' | 'both';
}

/** Shorthand for an operand. */
export const spec = (shape: readonly number[], fill: Fill = 'normal', dtype: DType = 'f32'): TensorSpec => ({
  shape,
  dtype,
  fill,
});

/** An operand that stays f32 when the case is run in f16. */
export const wide = (given: TensorSpec): TensorSpec => ({ ...given, wide: true });

/** A uniform number in (0, 1) from two integers, mixed by the finalizer of MurmurHash3. */
function uniformAt(seed: number, i: number): number {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(i + 1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (((h ^ (h >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}

function sample(how: Fill, seed: number, i: number): number {
  if (how === 'zeros') return 0;
  if (how === 'ones') return 1;
  const a = uniformAt(seed, 2 * i);
  if (how === 'uniform') return 2 * a - 1; // (-1, 1)
  if (how === 'positive') return 0.1 + a; // (0.1, 1.1): safe to divide by
  const normal = Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * uniformAt(seed, 2 * i + 1));
  if (how === 'normal') return normal;
  if ('normalTimes' in how) return how.normalTimes * normal;
  return Math.floor(a * how.integersBelow);
}

/** The operand that `how` describes; equal seeds give equal elements. Quantised weights hold the numbers that their codes represent. */
export function fill({ shape, dtype, fill: how }: TensorSpec, seed: number): NDArray {
  const out = zeros(shape, dtype);
  for (let i = 0; i < out.data.length; i++) out.data[i] = sample(how, seed, i);
  if (isQuantFormat(dtype)) return { ...out, data: dequantize(quantize(out.data, dtype), dtype) };
  return out;
}
