// What the text of a matrix product kernel needs from its op: how A and B are read, and how a result is finished.
// The tiles (registerTile.ts, sharedTile.ts, matrixTile.ts) own everything else. All members are WGSL fragments.

import { isQuantFormat } from '../formats/quantize.ts';
import type { DType } from '../kernel.ts';
import { toF32 } from '../wgsl.ts';
import { quantizedWGSL } from './packQuantized.ts';

/** An op as a product of A [M, K] and B [K, N]. */
export interface Product {
  /** `enable` lines first, then bindings, uniforms and functions. */
  readonly declarations: string;
  /** How many k a step covers: 4 if A can be read as vec4 along k. */
  readonly step: 1 | 4;
  /** Statements before the rows; they may use `batch`, `firstRow` and `column`. */
  readonly setup: string;
  /** Statements that run once per row `i` that this invocation reads; they may use `row{i}` (a `u32` below `u.M`). */
  readonly rowSetup: (i: number) => string;
  /** Only with a window: the number of taps, and statements that prepare each row for `tap`. */
  readonly taps?: Taps;
  /** Number of steps of the loop over k. */
  readonly depth: string;
  /** Row `i` of A at step `k`: an `f32`, or with step 4 a `vec4f` along k. With `asStored` it may be f16. */
  readonly loadA: (i: number, k: string, asStored?: boolean) => string;
  /** B at step `k`, vec4 column `column`: a `vec4f`, or with step 4 a `mat4x4f` with one vec4 per k. With `asStored` it may be f16. */
  readonly loadB: (k: string, column: string, asStored?: boolean) => string;
  /** Number of accumulated vectors that make one vector of the result: 2 for SwiGLU. */
  readonly vectorsPerResult: 1 | 2;
  /** A `vec4f` of the result from its accumulators `c(0)` ..., before the epilogue. */
  readonly result: (c: (v: number) => string) => string;
  /** Statements that run once per vec4 column `at` of the result, before its rows. */
  readonly column: string;
  /** Statements that finish `value`, a `vec4f` at `row`, vec4 column `at`, both in bounds. */
  readonly finish?: string;
  /** What is added to `value` after that, if a layer has it. */
  readonly adds?: Adds;
  /** Statements that store `value`. */
  readonly store: string;
}

/** Statements, and a condition on uniforms: they run only if it is true. */
export interface Adds {
  readonly when: string;
  readonly text: string;
}

/** The taps of a window: their number, and the statements that begin one. */
export interface Taps {
  readonly count: string;
  readonly setup: (rows: readonly number[]) => string;
}

/** The taps of a product: one tap if it has no window. */
export const tapsOf = ({ taps }: Product): Taps => taps ?? { count: '1u', setup: () => '' };

/** What encloses the loop over k: a loop over the taps if there is a window, otherwise nothing. */
export function tapLoop(product: Product, rows: readonly number[]): { open: string; close: string } {
  if (!product.taps) return { open: '', close: '' };
  const { count, setup } = product.taps;
  return { open: `for (var tap = 0u; tap < ${count}; tap++) {\n    ${setup(rows)}`, close: '}' };
}

/** Statements that finish and store `value`; with `added`, they also add what a layer may have. */
export const storeWGSL = (
  { finish = '', adds, store }: Pick<Product, 'finish' | 'adds' | 'store'>,
  added = true,
): string => [finish, added && adds ? adds.text : '', store].filter(Boolean).join('\n      ');

/** Declaration of a packed weight (pack.ts, packQuantized.ts) at a binding: 4 x 4 blocks, or their vec4 with step 1. */
export const packedWGSL = (binding: number, dtype: DType, step: 1 | 4): string =>
  isQuantFormat(dtype)
    ? quantizedWGSL(binding, dtype)
    : `@group(0) @binding(${binding}) var<storage, read> weight: array<${step === 4 ? 'mat4x4' : 'vec4'}<${dtype}>>;`;

/** `loadB` over a packed weight; `firstBlock` is the number of blocks of four k before the blocks of this tap. */
export const loadPacked =
  (dtype: DType, step: 1 | 4, firstBlock = '') =>
  (k: string, column: string, asStored = false): string => {
    if (isQuantFormat(dtype)) return `weightBlock(${k}, ${column})`;
    const before = firstBlock && `${firstBlock} + `;
    if (step === 1) {
      return toF32(dtype, `weight[((${before}${k} / 4u) * u.pitch + ${column}) * 4u + ${k} % 4u]`, true);
    }
    const block = `weight[(${before}${k}) * u.pitch + ${column}]`;
    return dtype === 'f32' || asStored ? block : `mat4x4f(${block})`;
  };

/** The members of a product that read x W^T: rows of `x`, and a packed weight. */
export const rowsByPacked = (dtype: DType, weight: DType, step: 1 | 4) =>
  ({
    step,
    setup: '',
    rowSetup: (i) => `let x${i} = row${i} * (u.K / ${step}u);`,
    depth: `u.K / ${step}u`,
    loadA: (i, k, asStored) => (asStored ? `x[x${i} + ${k}]` : toF32(dtype, `x[x${i} + ${k}]`, step === 4)),
    loadB: loadPacked(weight, step),
  }) satisfies Partial<Product>;
