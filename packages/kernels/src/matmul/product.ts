// What a matrix product kernel asks of its op: how A and B are read, how a result is finished. The
// tiles (matmulTile.ts, matmulShared.ts) own everything else. All members are WGSL fragments.

import { isQuantFormat } from '../formats/quantize.ts';
import type { DType } from '../kernel.ts';
import { toF32 } from '../wgsl.ts';
import { quantizedWGSL } from './packQuantized.ts';

/** An op as a product of A [M, K] and B [K, N]. */
export interface Product {
  /** `enable` lines first, then bindings, uniforms and functions. */
  readonly declarations: string;
  /** How many k a step covers: 4 where A can be read as vec4 along k. */
  readonly step: 1 | 4;
  /** Statements before the rows; `batch`, `firstRow` and `column` are known. */
  readonly setup: string;
  /** Statements once a row `i` that this invocation reads; `row{i}` (a `u32` below `u.M`) is known. */
  readonly rowSetup: (i: number) => string;
  /** Of a window: how many taps there are, and statements that say what each row needs at `tap`. */
  readonly taps?: Taps;
  /** Count of steps of the loop over k. */
  readonly depth: string;
  /** Row `i` of A at step `k`: an `f32`, or with step 4 a `vec4f` along k. Where `asStored`, it may be f16. */
  readonly loadA: (i: number, k: string, asStored?: boolean) => string;
  /** B at step `k`, vec4 column `column`: a `vec4f`, or with step 4 a `mat4x4f` of one vec4 a k. Where `asStored`, f16. */
  readonly loadB: (k: string, column: string, asStored?: boolean) => string;
  /** Accumulated vectors that make one vector of the result: SwiGLU's two make one. */
  readonly vectorsPerResult: 1 | 2;
  /** A `vec4f` of the result from its accumulators `c(0)` ...: what comes before the epilogue. */
  readonly result: (c: (v: number) => string) => string;
  /** Statements once a vec4 column `at` of the result, before its rows. */
  readonly column: string;
  /** Statements that finish `value`, a `vec4f` at `row`, vec4 column `at`, both in bounds. */
  readonly finish?: string;
  /** What is added to it then, where a layer has it. */
  readonly adds?: Adds;
  /** Statements that store it. */
  readonly store: string;
}

/** Statements of which a uniform condition says whether they are run at all. */
export interface Adds {
  readonly when: string;
  readonly text: string;
}

/** Taps of a window. */
export interface Taps {
  readonly count: string;
  readonly setup: (rows: readonly number[]) => string;
}

/** The taps of a product: one where it has no window. */
export const tapsOf = ({ taps }: Product): Taps => taps ?? { count: '1u', setup: () => '' };

/** What encloses a loop over k: for a window, a loop over its taps. */
export function tapLoop(product: Product, rows: readonly number[]): { open: string; close: string } {
  if (!product.taps) return { open: '', close: '' };
  const { count, setup } = product.taps;
  return { open: `for (var tap = 0u; tap < ${count}; tap++) {\n    ${setup(rows)}`, close: '}' };
}

/** Statements that finish and store `value`; `added`: with what a layer may add. */
export const storeWGSL = (
  { finish = '', adds, store }: Pick<Product, 'finish' | 'adds' | 'store'>,
  added = true,
): string => [finish, added && adds ? adds.text : '', store].filter(Boolean).join('\n      ');

/** Declaration of a packed weight (pack.ts, packQuantized.ts) at a binding: 4 x 4 blocks, or their vec4 with step 1. */
export const packedWGSL = (binding: number, dtype: DType, step: 1 | 4): string =>
  isQuantFormat(dtype)
    ? quantizedWGSL(binding, dtype)
    : `@group(0) @binding(${binding}) var<storage, read> weight: array<${step === 4 ? 'mat4x4' : 'vec4'}<${dtype}>>;`;

/** `loadB` over a packed weight; `firstBlock` counts blocks of four k before this tap's. */
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

/** The operands of x W^T: rows of `x`, and a packed weight. */
export const rowsByPacked = (dtype: DType, weight: DType, step: 1 | 4) =>
  ({
    step,
    setup: '',
    rowSetup: (i) => `let x${i} = row${i} * (u.K / ${step}u);`,
    depth: `u.K / ${step}u`,
    loadA: (i, k, asStored) => (asStored ? `x[x${i} + ${k}]` : toF32(dtype, `x[x${i} + ${k}]`, step === 4)),
    loadB: loadPacked(weight, step),
  }) satisfies Partial<Product>;
