// Lays a quantised weight (formats/quantize.ts) out for the product kernels, once, at load, without changing a code:
// the same as pack.ts, but for q8 and q4. The packed weight has a row per 32 inputs. A row has `pitch` blocks of 32
// inputs by 4 outputs, stored as nine lines one after the other:
//   8 lines, one per group of four inputs: the codes of 4 inputs by 4 outputs, four words in q8, two in q4
//   1 line: the scales of 4 outputs, as f16 in two words
// so that invocations of neighbouring outputs read side by side. All of it is read as vec2<u32>.

import type { QuantFormat } from '../kernel.ts';
import { type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import type { PackShape } from './pack.ts';

/** Number of vec2<u32> that hold the codes of 4 inputs by 4 outputs. */
const pairsOf = { q8: 2, q4: 1 } as const;

const workgroupSize = 64;

/** Where outputs of one quantised weight go in a packed weight. I is a multiple of 32, the other numbers of 4. */
export interface PackQuantizedShape extends Omit<PackShape, 'taps'> {
  /** The first of the N outputs to pack; default 0. */
  readonly first?: number;
  /** Number of outputs of the whole weight; default N. */
  readonly of?: number;
}

/** The kernel that packs one weight. Bindings: weight, out; both of type `format`. Each invocation owns one word. */
export function packQuantizedKernel(shape: PackQuantizedShape, format: QuantFormat): Kernel {
  const { N, I, pitch, start, every, first = 0, of = N } = shape;
  const words = 2 * pairsOf[format]; // words of 4 x 4 codes
  const size = (I / 32) * (8 * words + 2) * (N / 4);
  const uniforms = uniformBlock(2, {
    size: u32(size),
    groups: u32(N / 4),
    I: u32(I),
    pitch: u32(pitch),
    start: u32(start / 4),
    every: u32(every / 4),
    first: u32(first),
    codes: u32((of * I * (format === 'q8' ? 1 : 0.5)) / 4),
  });
  // Word `part` of 4 x 4 codes: q8 one input of four outputs; q4 two inputs of four outputs.
  const gather =
    format === 'q8'
      ? /* wgsl */ `for (var c = 0u; c < 4u; c++) {
      word |= codeByte((n + c) * u.I + i + part) << (8u * c);
    }`
      : /* wgsl */ `for (var c = 0u; c < 4u; c++) {
      let two = codeByte(((n + c) * u.I + i) / 2u + part);
      word |= ((two & 15u) << (4u * c)) | ((two >> 4u) << (16u + 4u * c));
    }`;
  const code = /* wgsl */ `
@group(0) @binding(0) var<storage, read> weight: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
${uniforms.wgsl}${workgroupIndexWGSL}
fn codeByte(at: u32) -> u32 { return (weight[at / 4u] >> (8u * (at % 4u))) & 255u; }
fn scaleBits(at: u32) -> u32 { return (weight[u.codes + at / 2u] >> (16u * (at % 2u))) & 65535u; }

@compute @workgroup_size(${workgroupSize}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroupIndex(id, count) * ${workgroupSize}u + lane;
  if (index >= u.size) { return; }
  let inBlock = index % ${8 * words + 2}u;
  let group = index / ${8 * words + 2}u % u.groups;
  let block = index / ${8 * words + 2}u / u.groups;
  let n = u.first + group * 4u;
  let column = u.start + group * u.every;
  let row = inBlock / ${words}u;
  let part = inBlock % ${words}u;
  var word = 0u;
  if (row < 8u) {
    let i = block * 32u + row * 4u;
    ${gather}
    out[(block * ${8 * words + 2}u + row * ${words}u) * u.pitch + column * ${words}u + part] = word;
  } else {
    let first = (n + part * 2u) * (u.I / 32u) + block;
    word = scaleBits(first) | (scaleBits(first + u.I / 32u) << 16u);
    out[(block * ${8 * words + 2}u + 8u * ${words}u) * u.pitch + column * 2u + part] = word;
  }
}
`;
  return {
    label: `pack ${format}`,
    code,
    bindings: [
      { name: 'weight', dtype: format, access: 'read' },
      { name: 'out', dtype: format, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: Math.ceil(size / workgroupSize),
  };
}

/** Declarations of a packed weight at a binding: the buffer, and `weightBlock`, which reads 4 inputs by 4 outputs. */
export function quantizedWGSL(binding: number, format: QuantFormat): string {
  const pairs = pairsOf[format];
  const at = `let at = first + (k % 8u * u.pitch + column) * ${pairs}u;`;
  const codes =
    format === 'q8'
      ? /* wgsl */ `${at}
  let low = weight[at];
  let high = weight[at + 1u];
  return mat4x4f(codesOf(low.x) * scale, codesOf(low.y) * scale, codesOf(high.x) * scale, codesOf(high.y) * scale);`
      : /* wgsl */ `${at}
  let both = weight[at];
  return mat4x4f(
    codesOf(both.x) * scale, codesOf(both.x >> 16u) * scale, codesOf(both.y) * scale, codesOf(both.y >> 16u) * scale);`;
  const codesOf =
    format === 'q8'
      ? 'vec4f(bitcast<vec4i>(vec4(word) << vec4(24u, 16u, 8u, 0u)) >> vec4(24u))'
      : 'vec4f((vec4(word) >> vec4(0u, 4u, 8u, 12u)) & vec4(15u)) - 8.0';
  return /* wgsl */ `@group(0) @binding(${binding}) var<storage, read> weight: array<vec2<u32>>;
fn codesOf(word: u32) -> vec4f { return ${codesOf}; }
fn weightBlock(k: u32, column: u32) -> mat4x4f {
  let first = k / 8u * ${8 * pairs + 1}u * u.pitch;
  let halves = weight[first + ${8 * pairs}u * u.pitch + column];
  let scale = vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));
  ${codes}
}`;
}
