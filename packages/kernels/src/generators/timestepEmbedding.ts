// y[b] = cos(scale t[b] w_i) for i < D/2, then the sines, with w_i = maxPeriod^(-i / (D/2)). Angles reach 1000, where
// an f32 angle would be wrong by 3e-5. So angles are counted in turns, and only the fractional parts of exact products
// are summed. Legend: t [B], y [B, D].

import { type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { eachWGSL, eachWorkgroups, enableWGSL } from '../wgsl.ts';
import { octantWGSL } from './octant.ts';

/** Sizes and frequencies of a timestep embedding; D is even. */
export interface TimestepShape {
  readonly B: number;
  readonly D: number;
  readonly scale: number;
  readonly maxPeriod: number;
}

/** The kernel of a timestep embedding. Bindings: t, out. */
export function timestepEmbeddingKernel({ B, D, scale, maxPeriod }: TimestepShape, dtype: DType): Kernel {
  const half = D / 2;
  const scalars = uniformBlock(2, {
    count: u32(B * half),
    half: u32(half),
    unused0: u32(0),
    unused1: u32(0),
  });
  const table = new Float32Array(4 * half);
  for (let i = 0; i < half; i++) table.set(pieces((scale * maxPeriod ** (-i / half)) / (2 * Math.PI)), 4 * i);
  const uniforms = new Uint8Array(scalars.bytes.length + table.byteLength);
  uniforms.set(scalars.bytes);
  uniforms.set(new Uint8Array(table.buffer), scalars.bytes.length);

  const code = /* wgsl */ `${enableWGSL([dtype])}
struct Uniforms {
  count: u32,
  half: u32,
  // How many turns one unit of t makes, per frequency, in three pieces of 12 bits.
  turns: array<vec4f, ${half}>,
}
@group(0) @binding(0) var<storage, read> t: array<${dtype}>;
@group(0) @binding(1) var<storage, read_write> out: array<${dtype}>;
@group(0) @binding(2) var<uniform> u: Uniforms;
${workgroupIndexWGSL}${octantWGSL}
fn embed(i: u32) {
  let column = i % u.half;
  let turns = u.turns[column];
  let time = f32(t[i / u.half]);
  // Two pieces of 12 bits: a product of two pieces is exact, and so is its fractional part.
  let bits = bitcast<u32>(time);
  let high = bitcast<f32>(bits & 0xfffff000u);
  let low = time - high;
  let small = high * turns.z + low * (turns.y + turns.z);
  let phase = fract(fract(high * turns.x) + (fract(high * turns.y) + (fract(low * turns.x) + small)));
  let octants = min(phase, 0.99999994) * 8.0;
  let octant = floor(octants);
  // fract() of an infinity or NaN may be a number: the result must be NaN.
  let endless = (bits & 0x7f800000u) == 0x7f800000u;
  let value = select(octantCosSin(u32(octant), octants - octant), vec4f(bitcast<f32>(bits | 0x7fc00000u)), endless);
  let at = (i / u.half) * 2u * u.half + column;
  out[at] = ${dtype}(value.x + value.y);
  out[at + u.half] = ${dtype}(value.z + value.w);
}
${eachWGSL('u.count', 'embed(i);')}`;
  return {
    label: `timestepEmbedding ${dtype}`,
    code,
    bindings: [
      { name: 't', dtype, access: 'read' },
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms,
    workgroups: eachWorkgroups(B * half),
  };
}

/** A number as the sum of three f32 with 12 significant bits each (the last one is rounded). */
function pieces(value: number): [number, number, number] {
  const first = upper(value);
  const second = upper(value - first);
  return [first, second, Math.fround(value - first - second)];
}

function upper(value: number): number {
  const word = new Uint32Array(Float32Array.of(value).buffer);
  word[0]! &= 0xfffff000;
  return new Float32Array(word.buffer)[0]!;
}
