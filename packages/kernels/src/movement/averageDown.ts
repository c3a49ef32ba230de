// y[b, t, h, w, o] = mean of run o of a cell of x, plus residual. A cell is ft x fs x fs positions of C channels, taken as one
// vector in the order channel, time, row, column; its runs are O equal parts. Frames of zeros come before the first where a cell
// lacks some. Legend: x [B, T, H, W, C], residual and y [B, ceil(T / ft), H / fs, W / fs, O].

import { type DType, f32, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { eachWGSL, eachWorkgroups, enableWGSL, fromF32, toF32 } from '../wgsl.ts';

/** Positions of a cell along T, and along H and W. */
export type Cell = readonly [time: number, space: number];

/** The kernel. Bindings: x, [residual], out. */
export function averageDownKernel(
  [B, T, H, W, C]: readonly [number, number, number, number, number],
  [ft, fs]: Cell,
  O: number,
  residual: boolean,
  dtype: DType,
): Kernel {
  const [t, h, w] = [Math.ceil(T / ft), H / fs, W / fs];
  const run = (C * ft * fs * fs) / O;
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
    run: u32(run),
    missing: u32(t * ft - T),
    share: f32(1 / run),
  });
  const sum = toF32(dtype, 'x[(((b * u.T + frame - u.missing) * u.H + row) * u.W + column) * u.C + channel]');
  const code = /* wgsl */ `${enableWGSL(dtype)}
@group(0) @binding(0) var<storage, read> x: array<${dtype}>;
${residual ? `@group(0) @binding(1) var<storage, read> residual: array<${dtype}>;` : ''}
@group(0) @binding(${bindings.length - 1}) var<storage, read_write> out: array<${dtype}>;
${uniforms.wgsl}${workgroupIndexWGSL}
// i is the number of the result that an invocation owns.
fn averaged(i: u32) -> f32 {
  let o = i % u.O;
  let place = i / u.O;
  let c = place % u.w;
  let r = place / u.w % u.h;
  let f = place / (u.w * u.h) % u.t;
  let b = place / (u.w * u.h * u.t);
  var sum = 0.0;
  for (var k = 0u; k < u.run; k++) {
    let j = o * u.run + k;
    let column = c * u.fs + j % u.fs;
    let row = r * u.fs + j / u.fs % u.fs;
    let frame = f * u.ft + j / (u.fs * u.fs) % u.ft;
    let channel = j / (u.fs * u.fs * u.ft);
    if (frame >= u.missing) { sum += ${sum}; }
  }
  return sum * u.share;
}
${eachWGSL('u.size', `out[i] = ${fromF32(dtype, `averaged(i)${residual ? ` + ${toF32(dtype, 'residual[i]')}` : ''}`)};`)}`;
  return {
    label: ['averageDown', dtype, residual && 'residual'].filter(Boolean).join(' '),
    code,
    bindings: bindings.map((name) => ({ name, dtype, access: name === 'out' ? 'read_write' : 'read' })),
    uniforms: uniforms.bytes,
    workgroups: eachWorkgroups(size),
  };
}
