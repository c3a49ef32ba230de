// Which input element a tap of a window meets: the WGSL and the uniforms that all convolution kernels share.

import { f32, i32, u32 } from '../kernel.ts';
import type { ConvShape } from './shape.ts';

/** Uniform fields of a window over T, H, W. */
export function convUniforms({
  input,
  output,
  kernel,
  stride,
  dilation,
  pad,
  upsample,
  replicate,
}: ConvShape) {
  const axes = ['T', 'H', 'W'] as const;
  const fields: Record<string, ReturnType<typeof u32>> = {};
  axes.forEach((axis, i) => {
    fields[`in${axis}`] = u32(input[i]!);
    fields[`out${axis}`] = u32(output[i]!);
    fields[`kernel${axis}`] = u32(kernel[i]!);
    fields[`stride${axis}`] = i32(stride[i]!);
    fields[`dilation${axis}`] = i32(dilation[i]!);
    fields[`pad${axis}`] = i32(pad[i]!);
    fields[`upsample${axis}`] = i32(upsample[i]!);
    fields[`source${axis}`] = f32(1 / upsample[i]!);
  });
  return { ...fields, replicate: u32(replicate ? 1 : 0) };
}

/**
 * `inputPosition(position, tap)`: the input position (t-major, then h, w) that `tap` meets at an output
 * position, and whether it lies inside the input. If it lies outside, the index is the nearest one inside.
 */
export const inputCoordinateWGSL = /* wgsl */ `
struct InputPosition { index: u32, inside: bool }
// The remainders are computed by multiplication: a division takes as long as dozens of multiply-adds.
fn split(index: u32, height: u32, width: u32) -> vec3<i32> {
  let line = index / width;
  let plane = line / height;
  return vec3<i32>(vec3<u32>(plane, line - plane * height, index - line * width));
}
fn corner(position: u32) -> vec3<i32> {
  let p = split(position, u.outH, u.outW);
  return p * vec3<i32>(u.strideT, u.strideH, u.strideW) - vec3<i32>(u.padT, u.padH, u.padW);
}
fn offsetOf(tap: u32) -> vec3<i32> {
  return split(tap, u.kernelH, u.kernelW) * vec3<i32>(u.dilationT, u.dilationH, u.dilationW);
}
fn meet(at: vec3<i32>) -> InputPosition {
  let scale = vec3<i32>(u.upsampleT, u.upsampleH, u.upsampleW);
  let size = vec3<i32>(vec3<u32>(u.inT, u.inH, u.inW));
  let clamped = clamp(at, vec3<i32>(), size * scale - 1);
  // floor(clamped / scale) without an integer division: exact below 2^22, which convSizes ensures.
  let source = vec3<u32>((vec3f(clamped) + 0.5) * vec3f(u.sourceT, u.sourceH, u.sourceW));
  let inside = u.replicate != 0u || all(clamped == at);
  return InputPosition((source.x * u.inH + source.y) * u.inW + source.z, inside);
}
fn inputPosition(position: u32, tap: u32) -> InputPosition {
  return meet(corner(position) + offsetOf(tap));
}
`;
