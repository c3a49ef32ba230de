// Every case and every reference, gathered from one file per family of ops.

import { gelu, quickGelu, relu, silu, siluMul } from '../reference/activate.ts';
import { add, div, mul, sub } from '../reference/arithmetic.ts';
import { attention } from '../reference/attention.ts';
import { averageDown, repeatUp } from '../reference/cells.ts';
import { conv } from '../reference/conv.ts';
import { linear } from '../reference/linear.ts';
import { matmul } from '../reference/matmul.ts';
import { cast, concat, embedding, pad, permute, slice, upsampleNearest } from '../reference/movement.ts';
import type { Reference } from '../reference/ndarray.ts';
import { groupNorm, layerNorm, rmsNorm } from '../reference/norms.ts';
import { randn } from '../reference/philox.ts';
import { max, mean, sum } from '../reference/reduce.ts';
import { rmsNormRotary } from '../reference/rmsNormRotary.ts';
import { softmax } from '../reference/softmax.ts';
import { swiglu } from '../reference/swiglu.ts';
import { timestepEmbedding } from '../reference/timestepEmbedding.ts';
import { abs, clamp, exp, sqrt } from '../reference/unary.ts';
import { eulerStep, gatedResidual, guidance, linearCombination } from '../reference/updates.ts';
import { attentionCases } from './attention.ts';
import type { Case } from './case.ts';
import { cellCases } from './cells.ts';
import { convCases } from './conv.ts';
import { elementwiseCases } from './elementwise.ts';
import { linearCases } from './linear.ts';
import { matmulCases } from './matmul.ts';
import { movementCases } from './movement.ts';
import { normCases } from './norms.ts';
import { randnCases, reduceCases } from './reduce.ts';
import { swigluCases } from './swiglu.ts';

export type { Case, Fill, TensorSpec } from './case.ts';
export { fill, spec } from './case.ts';

/** The one list of cases: tests check it, the benchmark times it. */
export const cases: readonly Case[] = [
  ...matmulCases,
  ...linearCases,
  ...swigluCases,
  ...convCases,
  ...cellCases,
  ...attentionCases,
  ...normCases,
  ...elementwiseCases,
  ...movementCases,
  ...reduceCases,
  ...randnCases,
];

/** The CPU reference of each op, by the name its cases carry. */
export const references: Readonly<Record<string, Reference>> = {
  matmul,
  linear,
  swiglu,
  conv1d: conv,
  conv2d: conv,
  conv3d: conv,
  averageDown,
  repeatUp,
  attention,
  layerNorm,
  rmsNorm,
  rmsNormRotary,
  groupNorm,
  softmax,
  silu,
  gelu,
  quickGelu,
  relu,
  exp,
  sqrt,
  abs,
  clamp,
  siluMul,
  add,
  sub,
  mul,
  div,
  gatedResidual,
  guidance,
  eulerStep,
  linearCombination,
  slice,
  concat,
  permute,
  pad,
  upsampleNearest,
  embedding,
  cast,
  sum,
  mean,
  max,
  timestepEmbedding,
  randn,
};
