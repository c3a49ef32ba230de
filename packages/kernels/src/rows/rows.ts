// How a kernel sweeps rows and sums over them, in three variants:
//   invocation  one invocation per row, a plain loop, no barrier: best where a workgroup is a loop on a CPU core
//   workgroup   one workgroup per row; invocation i of n takes columns i, i + n, ..., and the invocations combine their
//               results in workgroup memory: best on GPUs
//   subgroup    one subgroup per row, which needs neither barriers nor memory to combine: for short rows, if all
//               subgroups have the same size
import type { Target } from '../kernel.ts';
import { nanWGSL } from '../wgsl.ts';

/** Variants of a kernel that sweeps rows, best first. */
export function rowVariants(target: Target): string[] {
  const [min, max] = target.subgroupSize;
  const subgroup = target.subgroups && min === max ? ['subgroup'] : [];
  return target.software
    ? ['invocation', ...subgroup, 'workgroup']
    : ['workgroup', ...subgroup, 'invocation'];
}

/** Sum or maximum over a row. A NaN anywhere makes the maximum NaN. */
export type Combination = 'total' | 'largest';

/** The WGSL fragments of such a kernel, and the number of workgroups that it needs. */
export interface RowSweep {
  /** Lines that must come first. */
  readonly enable: string;
  /** Functions `total(value, local)`, `largest(value, local)`: they combine the values of all invocations of a row. */
  readonly functions: string;
  /** Start of the entry point: it declares `row`, `first` and `step`, and returns for rows beyond `u.rows`. */
  readonly open: string;
  readonly workgroups: number;
}

/** The sweep over `rows` rows of `columns` steps each. */
export function rowSweep(
  variant: string,
  rows: number,
  columns: number,
  target: Target,
  ...combinations: readonly Combination[]
): RowSweep {
  if (variant === 'invocation') {
    return {
      enable: '',
      functions:
        greaterWGSL +
        combinations.map((name) => `fn ${name}(a: f32, local: u32) -> f32 { return a; }\n`).join(''),
      open: openWGSL(16, `index * 16u + local`, '0u', '1u'),
      workgroups: Math.ceil(rows / 16),
    };
  }
  if (variant === 'subgroup') {
    const size = target.subgroupSize[0];
    return {
      enable: 'enable subgroups;\n',
      functions: greaterWGSL + combinations.map((name) => subgroupWGSL[name]).join(''),
      open: openWGSL(size, 'index', 'local', `${size}u`).replace(
        '@builtin(local_invocation_index)',
        '@builtin(subgroup_invocation_id)',
      ),
      workgroups: rows,
    };
  }
  if (variant !== 'workgroup') throw new Error(`internal: a sweep over rows has no variant ${variant}`);
  const size = Math.min(target.maxWorkgroupSize, columns > 128 ? 256 : 64);
  const combine = { total: 'a + b', largest: 'greater(a, b)' };
  return {
    enable: '',
    functions: `${greaterWGSL}var<workgroup> partials: array<f32, ${size}>;\n${combinations
      .map((name) => treeWGSL(name, size, combine[name]))
      .join('')}`,
    open: openWGSL(size, 'index', 'local', `${size}u`),
    workgroups: rows,
  };
}

/** `greater(a, b)`: the larger of two numbers, or NaN if either is NaN. WGSL's own `max` may drop a NaN. */
export const greaterWGSL = /* wgsl */ `
fn isNaN(x: f32) -> bool {
  return ${nanWGSL('x', 'u32')};
}
fn greater(a: f32, b: f32) -> f32 {
  return select(a, b, b > a || isNaN(b));
}
`;

const subgroupWGSL: Readonly<Record<Combination, string>> = {
  total: 'fn total(a: f32, local: u32) -> f32 { return subgroupAdd(a); }\n',
  // the built-in maximum may drop a NaN; a sum does not
  largest: /* wgsl */ `
fn largest(a: f32, local: u32) -> f32 {
  let odd = subgroupAdd(select(0.0, a, isNaN(a)));
  return select(subgroupMax(a), odd, isNaN(odd));
}
`,
};

const treeWGSL = (name: Combination, size: number, combined: string): string => /* wgsl */ `
fn ${name}(value: f32, local: u32) -> f32 {
  partials[local] = value;
  workgroupBarrier(); // all parts are written before any is read
  for (var n = ${size / 2}u; n > 0u; n /= 2u) {
    if (local < n) {
      let a = partials[local];
      let b = partials[local + n];
      partials[local] = ${combined};
    }
    workgroupBarrier(); // a level is complete before the next one reads it
  }
  let result = partials[0];
  workgroupBarrier(); // all invocations have read before the parts are used again
  return result;
}
`;

const openWGSL = (size: number, row: string, first: string, step: string): string => /* wgsl */ `
@compute @workgroup_size(${size})
fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let index = workgroupIndex(id, count);
  let row = ${row};
  if (row >= u.rows) {
    return;
  }
  let first = ${first};
  let step = ${step};`;
