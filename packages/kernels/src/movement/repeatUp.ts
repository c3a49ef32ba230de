// The way back of averageDown.ts without its mean: each channel of x is repeated until O channels fill the cell of positions that
// one position becomes; y is that, without its first frames, plus residual. A cell is ft x fs x fs positions of O channels, as one
// vector in the order channel, time, row, column. Legend: x [B, T, H, W, C], residual and y [B, T ft - skip, H fs, W fs, O].

import { type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { eachWGSL, eachWorkgroups, enableWGSL, fromF32, toF32 } from '../wgsl.ts';
import type { Cell } from './averageDown.ts';

/** The kernel. Bindings: x, [residual], out. */
export function repeatUpKernel(
  [B, T, H, W, C]: readonly [number, number, number, number, number],
  [ft, fs]: Cell,
  O: number,
  skip: number,
  residual: boolean,
  dtype: DType,
): Kernel {
  const [t, h, w] = [T * ft - skip, H * fs, W * fs];
  const size = B * t * h * w * O;
  const bindings = ['x', ...(residual ? ['residual'] : []), 'out'];
  const uniforms = uniformBlock(bindings.length, {
    size: u32(size),
    T: u32(T),
    H: u32(H),
    W: u32(W),
    C: u32(C),
    O: u32(O),
    t: u32(t),
    h: u32(h),
    w: u32(w),
    ft: u32(ft),
    fs: u32(fs),
    times: u32((O * ft * fs * fs) / C),
    skip: u32(skip),
  });
  const value = toF32(
    dtype,
    'x[(((b * u.T + f / u.ft) * u.H + r / u.fs) * u.W + c / u.fs) * u.C + j / u.times]',
  );
  const code = /* wgsl */ `${enableWGSL(dtype)}
@group(0) @binding(0) var<storage, read> x: array<${dtype}>;
${residual ? `@group(0) @binding(1) var<storage, read> residual: array<${dtype}>;` : ''}
@group(0) @binding(${bindings.length - 1}) var<storage, read_write> out: array<${dtype}>;
${uniforms.wgsl}${workgroupIndexWGSL}
// i is the number of the result that an invocation owns.
fn repeated(i: u32) -> f32 {
  let o = i % u.O;
  let place = i / u.O;
  let c = place % u.w;
  let r = place / u.w % u.h;
  let f = place / (u.w * u.h) % u.t + u.skip;
  let b = place / (u.w * u.h * u.t);
  let j = ((o * u.ft + f % u.ft) * u.fs + r % u.fs) * u.fs + c % u.fs;
  return ${value};
}
${eachWGSL('u.size', `out[i] = ${fromF32(dtype, `repeated(i)${residual ? ` + ${toF32(dtype, 'residual[i]')}` : ''}`)};`)}`;
  return {
    label: ['repeatUp', dtype, residual && 'residual'].filter(Boolean).join(' '),
    code,
    bindings: bindings.map((name) => ({ name, dtype, access: name === 'out' ? 'read_write' : 'read' })),
    uniforms: uniforms.bytes,
    workgroups: eachWorkgroups(size),
  };
}
