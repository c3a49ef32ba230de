// How `moviegen kernels` shows cases and kernels, as text and as records. Text of kernels is WGSL, heads included: they
// are comments.

import type { Case, Kernel, TensorSpec } from '@moviegen/kernels';
import type { Dispatched } from './dispatched.ts';

/** Ops, each with its cases. */
export function caseList(cases: readonly Case[]): string {
  const ops = [...new Set(cases.map(({ op }) => op))];
  return ops
    .map((op) => {
      const names = cases.filter((item) => item.op === op).map(({ name }) => `  ${name}`);
      return [op, ...names].join('\n');
    })
    .join('\n');
}

/** A case as data. */
export function caseRecord({ op, name, inputs, options, use }: Case): object {
  return { op, case: name, operands: shapesOf(inputs), options: plain(options), use };
}

/** A kernel as data. */
export function kernelRecord({ kernel, dispatches, atLoad }: Dispatched): object {
  const { label, code, bindings, workgroups, uniforms } = kernel;
  return { label, dispatches, atLoad, workgroups, bindings, uniformBytes: uniforms?.length ?? 0, code };
}

/** What stands above the kernels of a case. */
export function caseHead(
  { op, name, inputs }: Case,
  { dtype, variants, adapter, reshaped }: CaseHead,
): string {
  const operands = Object.entries(inputs).map(([operand, { shape, dtype: type }]) => {
    const own = type === 'f32' ? '' : ` ${type}`;
    return `${operand} [${shape.join(', ')}]${own}`;
  });
  return comment([
    `${op} in ${dtype} on ${adapter}`,
    `case: ${name}${reshaped ? ', with other shapes' : ''}`,
    `operands: ${operands.join(', ') || 'none'}`,
    `variants, best first: ${variants.join(', ') || 'one only'}`,
  ]);
}

/** What a head says beside the case. */
export interface CaseHead {
  readonly dtype: 'f32' | 'f16';
  readonly variants: readonly string[];
  readonly adapter: string;
  /** Shapes were given. */
  readonly reshaped: boolean;
}

/** A kernel with its head. */
export function kernelText({ kernel, dispatches, atLoad }: Dispatched): string {
  const { label, bindings, uniforms, workgroups, code } = kernel;
  const when = [atLoad ? 'when the weight is loaded' : '', dispatches > 1 ? `${dispatches} dispatches` : ''];
  const head = comment([
    [label, ...when.filter(Boolean)].join(', '),
    `workgroups: ${workgroups}${dispatches > 1 ? ' in the first dispatch' : ''}`,
    ...bindings.map(bindingLine),
    ...(uniforms ? [`binding ${bindings.length}: u, uniforms of ${uniforms.length} bytes`] : []),
  ]);
  return `${head}\n${code.trim()}\n`;
}

const comment = (lines: readonly string[]): string => lines.map((line) => `// ${line}`).join('\n');

const bindingLine = ({ name, dtype, access }: Kernel['bindings'][number], position: number): string =>
  `binding ${position}: ${name}, ${dtype}, ${access}`;

const shapesOf = (inputs: Readonly<Record<string, TensorSpec>>): object =>
  Object.fromEntries(Object.entries(inputs).map(([name, { shape, dtype }]) => [name, { shape, dtype }]));

/** Options for JSON, which has no integers of 64 bits. */
const plain = (options: Case['options']): object =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, typeof value === 'bigint' ? `${value}` : value]),
  );
