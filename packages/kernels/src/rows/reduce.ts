// Sum, mean or maximum over any axes. An invocation combines at most about a thousand elements of one result, which
// keeps the rounding of long sums small and gives a GPU enough to do. The partial results are then combined again.
// A NaN anywhere makes the maximum NaN.

import { type DType, f32, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { collapse, sizeOf, stridesOf, walkWGSL } from '../shape.ts';
import { eachWGSL, eachWorkgroups, enableWGSL } from '../wgsl.ts';
import { greaterWGSL } from './rows.ts';

/** What is computed over the axes. */
export type Reduction = 'sum' | 'mean' | 'max';

/** A stage of a reduction: the kernel (bindings: x, out), and how many elements of which type it writes. */
export interface ReduceStage {
  readonly kernel: Kernel;
  readonly size: number;
  readonly dtype: DType;
}

const LONGEST = 1024;
const MOST_PARTS = 65536;

/** The stages of a reduction over `axes`, each of which reads what the previous one wrote. No axis may be empty. */
export function reduceStages(
  op: Reduction,
  shape: readonly number[],
  axes: readonly number[],
  dtype: DType,
): ReduceStage[] {
  const own = stridesOf(shape);
  const axesOf = (reduced: boolean) =>
    shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) === reduced);
  const walkOf = (list: readonly number[]): Axes => {
    const { shape: sizes, strides } = collapse(
      list.map((axis) => shape[axis]!),
      [list.map((axis) => own[axis]!)],
    );
    return { sizes, strides: strides[0]! };
  };
  let kept = walkOf(axesOf(false));
  let reduced = walkOf(axesOf(true));
  const results = sizeOf(kept.sizes);
  const all = sizeOf(reduced.sizes);

  const stages: ReduceStage[] = [];
  let from = dtype;
  for (let remaining = all; ; ) {
    const parts = Math.min(MOST_PARTS, Math.ceil(remaining / LONGEST));
    const last = parts === 1;
    const to = last ? dtype : 'f32';
    const divisor = last && op === 'mean' ? all : 1;
    stages.push({
      kernel: reduceKernel(op, kept, reduced, parts, divisor, from, to),
      size: results * parts,
      dtype: to,
    });
    if (last) return stages;
    kept = { sizes: [results], strides: [parts] };
    reduced = { sizes: [parts], strides: [1] };
    remaining = parts;
    from = 'f32';
  }
}

interface Axes {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

function reduceKernel(
  op: Reduction,
  kept: Axes,
  reduced: Axes,
  parts: number,
  divisor: number,
  from: DType,
  to: DType,
): Kernel {
  const results = sizeOf(kept.sizes);
  const length = sizeOf(reduced.sizes);
  const axes = (prefix: string, { sizes, strides }: Axes) =>
    Object.fromEntries([
      ...sizes.map((n, axis) => [`${prefix}N${axis}`, u32(n)]),
      ...strides.map((n, axis) => [`${prefix}${axis}`, u32(n)]),
    ]);
  const uniforms = uniformBlock(2, {
    count: u32(results * parts),
    results: u32(results),
    parts: u32(parts),
    length: u32(length),
    divisor: f32(divisor),
    // Neighbouring invocations read neighbouring elements: different parts of one result, or the same part of different results.
    partsFirst: u32(reduced.strides.at(-1)! <= kept.strides.at(-1)! || results === 1 ? 1 : 0),
    ...axes('kept', kept),
    ...axes('reduced', reduced),
  });
  const walk = (name: string, { sizes }: Axes) => /* wgsl */ `
fn ${name}At(i: u32) -> u32 {
  var rest = i;
  var at = 0u;
${walkWGSL(sizes.length, { at: name }).replaceAll('u.n', `u.${name}N`)}
  return at;
}`;
  const code = /* wgsl */ `${enableWGSL([from, to])}
@group(0) @binding(0) var<storage, read> x: array<${from}>;
@group(0) @binding(1) var<storage, read_write> out: array<${to}>;
${uniforms.wgsl}${workgroupIndexWGSL}${greaterWGSL}${walk('kept', kept)}${walk('reduced', reduced)}
fn reducePart(i: u32) {
  let result = select(i % u.results, i / u.parts, u.partsFirst == 1u);
  let part = select(i / u.results, i % u.parts, u.partsFirst == 1u);
  let start = keptAt(result);
  var all = f32(x[start + reducedAt(part)]);
  for (var k = part + u.parts; k < u.length; k += u.parts) {
    let next = f32(x[start + reducedAt(k)]);
    all = ${op === 'max' ? 'greater(all, next)' : 'all + next'};
  }
  out[result * u.parts + part] = ${to}(all / u.divisor);
}
${eachWGSL('u.count', 'reducePart(i);')}`;
  return {
    label: `${op} ${from} to ${to}, ${kept.sizes.length} by ${reduced.sizes.length} axes`,
    code,
    bindings: [
      { name: 'x', dtype: from, access: 'read' },
      { name: 'out', dtype: to, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: eachWorkgroups(results * parts),
  };
}
