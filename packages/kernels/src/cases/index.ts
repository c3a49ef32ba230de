// Every case and every reference, gathered from one file an op.
import { attention } from '../reference/attention.ts';
import { conv } from '../reference/conv.ts';
import { linear } from '../reference/linear.ts';
import { matmul } from '../reference/matmul.ts';
import type { Reference } from '../reference/ndarray.ts';
import { swiglu } from '../reference/swiglu.ts';
import { attentionCases } from './attention.ts';
import type { Case } from './case.ts';
import { convCases } from './conv.ts';
import { linearCases } from './linear.ts';
import { matmulCases } from './matmul.ts';
import { swigluCases } from './swiglu.ts';

export type { Case, Fill, TensorSpec } from './case.ts';
export { fill, spec } from './case.ts';

/** The one list of cases: tests check it, the benchmark times it. */
export const cases: readonly Case[] = [
  ...matmulCases,
  ...linearCases,
  ...swigluCases,
  ...convCases,
  ...attentionCases,
];

/** The CPU reference of each op, by the name its cases carry. */
export const references: Readonly<Record<string, Reference>> = {
  matmul,
  linear,
  swiglu,
  conv1d: conv,
  conv2d: conv,
  conv3d: conv,
  attention,
};
