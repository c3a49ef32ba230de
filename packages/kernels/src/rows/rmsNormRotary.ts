// Queries and keys before attention: each row of P projections that lie side by side is normed over all of its D values, then
// every head is rotated by its token's angles. y = rms(x) weight; neighbours (a, b) of a head become
// (a cos - b sin, a sin + b cos). Legend: x [R, P D] as columns of wider rows, weight [P, D], rotary [N, d] in f32 with the
// cosine and the sine of each pair side by side, d the size of a head, token r % N; y [R, P D] dense. Statistics in f32.

import {
  type DType,
  f32,
  type Kernel,
  type Target,
  u32,
  uniformBlock,
  workgroupIndexWGSL,
} from '../kernel.ts';
import { elementWGSL, enableWGSL, vectorWGSL } from '../wgsl.ts';
import { rowSweep, rowVariants } from './rows.ts';

/** Sizes of the op. D, the head size, and the place of x in its rows are multiples of 4. */
export interface RotaryShape {
  readonly rows: number;
  /** P. */
  readonly projections: number;
  readonly D: number;
  /** Size of a head: a divisor of D. */
  readonly headSize: number;
  /** N, rows of the table; row r of x takes row r % N. */
  readonly tokens: number;
  /** Numbers from row to row of x, and before the first. */
  readonly x: { readonly pitch: number; readonly start: number };
  readonly eps: number;
}

/** The kernel. Bindings: x, weight, rotary, out. An invocation, subgroup or workgroup owns one projection of one row. */
export function rmsNormRotaryKernel(
  shape: RotaryShape,
  dtype: DType,
  target: Target,
  variant: string = rowVariants(target)[0]!,
): Kernel {
  const { rows, projections, D, headSize, tokens, x, eps } = shape;
  const uniforms = uniformBlock(4, {
    rows: u32(rows * projections),
    projections: u32(projections),
    columns: u32(D / 4),
    head: u32(headSize / 4),
    tokens: u32(tokens),
    pitch: u32(x.pitch / 4),
    start: u32(x.start / 4),
    D: u32(D),
    eps: f32(eps),
  });
  const sweep = rowSweep(variant, rows * projections, D / 4, target, 'total');
  const element = elementWGSL(dtype, 4);
  const code = /* wgsl */ `${enableWGSL([dtype])}${sweep.enable}
${vectorWGSL(4)}
@group(0) @binding(0) var<storage, read> x: array<${element}>;
@group(0) @binding(1) var<storage, read> weight: array<${element}>;
@group(0) @binding(2) var<storage, read> rotary: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<${element}>;
${uniforms.wgsl}${workgroupIndexWGSL}${sweep.functions}
${sweep.open}
  let token = row / u.projections;
  let projection = row % u.projections * u.columns;
  let start = token * u.pitch + u.start + projection;
  var squares = V();
  for (var k = first; k < u.columns; k += step) {
    let v = V(x[start + k]);
    squares += v * v;
  }
  let factor = 1.0 / sqrt(total(dot(squares, vec4f(1.0)), local) / f32(u.D) + u.eps);
  let angles = token % u.tokens * u.head;
  for (var k = first; k < u.columns; k += step) {
    let z = V(x[start + k]) * factor * V(weight[projection + k]);
    let pairs = rotary[angles + k % u.head]; // cos, sin, cos, sin
    let turned = z * pairs.xxzz + vec4f(-z.y, z.x, -z.w, z.z) * pairs.yyww;
    out[row * u.columns + k] = ${element}(turned);
  }
}
`;
  return {
    label: ['rmsNormRotary', dtype, variant].join(' '),
    code,
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'weight', dtype, access: 'read' },
      { name: 'rotary', dtype: 'f32', access: 'read' },
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: sweep.workgroups,
  };
}
