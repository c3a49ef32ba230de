// Every case and every reference, gathered from one file an op.
import type { Reference } from '../reference/ndarray.ts';
import type { Case } from './case.ts';

export type { Case, Fill, TensorSpec } from './case.ts';
export { fill, spec } from './case.ts';

/** The one list of cases: tests check it, the benchmark times it. */
export const cases: readonly Case[] = [];

/** The CPU reference of each op, by the name its cases carry. */
export const references: Readonly<Record<string, Reference>> = {};
