// Floats of weight files on the device: their raw bytes become f32 or f16, as in convert.ts, bit for bit. Subnormals are
// handled as integers, since an adapter may flush them, and halves are read without f16, which it may lack.
//
//   out[first + i] = scale raw[from + i],  i = 0 ... count - 1,  in elements of the two types
//
// Every type first becomes the bits of a single (f64 by rounding to nearest, ties to even), and is multiplied where there is a
// scale. For f16 these become the bits of a half, as on the host. ggml's blocks are in blocksWGSL.ts.

import { f32, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { eachWGSL, eachWorkgroups } from '../wgsl.ts';
import { blocks } from './blocks.ts';
import { blockWGSL } from './blocksWGSL.ts';

/** Which elements to decode, and where to put them. */
export interface DecodeRange {
  /** Word of `raw` where its element 0 begins. Default 0. */
  readonly base?: number;
  /** First element of `raw`. */
  readonly from: number;
  /** First element of `out`. */
  readonly first: number;
  readonly count: number;
  /** Every element is multiplied by it, in f32. Default: none. */
  readonly scale?: number | undefined;
}

const byteWGSL = 'fn element(i: u32) -> u32 { return (raw[u.base + (i >> 2u)] >> (8u * (i & 3u))) & 0xffu; }';
const pairWGSL =
  'fn element(i: u32) -> u32 { return (raw[u.base + (i >> 1u)] >> (16u * (i & 1u))) & 0xffffu; }';

/**
 * The bits of a half as those of a single; every NaN becomes the one that JavaScript writes. Without branches, both sides of
 * which a software adapter runs. A subnormal half is a whole number of 2^-24, and a normal single.
 */
const halfWGSL = /* wgsl */ `
fn fromHalf(bits: u32) -> u32 {
  let sign = (bits & 0x8000u) << 16u;
  let magnitude = bits & 0x7fffu;
  let subnormal = bitcast<u32>(f32(magnitude) * 0x1p-24f);
  let finite = select((magnitude << 13u) + 0x38000000u, subnormal, magnitude < 0x400u);
  let number = sign | select(finite, 0x7f800000u, magnitude == 0x7c00u);
  return select(number, 0x7fc00000u, magnitude > 0x7c00u);
}`;

/** The WGSL of `single(i)` per type: the bits of element i as a single. */
const singles: Readonly<Record<string, string>> = {
  F32: 'fn single(i: u32) -> u32 { return raw[u.base + i]; }',
  BF16: `${pairWGSL}
fn single(i: u32) -> u32 { return element(i) << 16u; }`,
  F16: `${pairWGSL}${halfWGSL}
fn single(i: u32) -> u32 { return fromHalf(element(i)); }`,
  F8_E5M2: `${byteWGSL}${halfWGSL}
fn single(i: u32) -> u32 { return fromHalf(element(i) << 8u); }`,
  F8_E4M3: `${byteWGSL}
fn single(i: u32) -> u32 {
  let bits = element(i);
  let sign = (bits & 0x80u) << 24u;
  let magnitude = bits & 0x7fu;
  let subnormal = bitcast<u32>(f32(magnitude) * 0x1p-9f);
  let finite = select((magnitude << 20u) + 0x3c000000u, subnormal, magnitude < 8u);
  return select(sign | finite, 0x7fc00000u, magnitude == 0x7fu);
}`,
  F64: `
fn single(i: u32) -> u32 {
  let low = raw[u.base + 2u * i];
  let high = raw[u.base + 2u * i + 1u];
  let sign = high & 0x80000000u;
  let exponent = (high >> 20u) & 0x7ffu;
  // The upper 23 bits of the fraction, which a single can hold, and the 29 bits below them.
  let kept = ((high & 0xfffffu) << 3u) | (low >> 29u);
  let rest = low & 0x1fffffffu;
  if (exponent == 0x7ffu) {
    if ((kept | rest) != 0u) { return sign | 0x7fc00000u | kept; }
    return sign | 0x7f800000u;
  }
  if (exponent >= 1151u) { return sign | 0x7f800000u; }
  if (exponent >= 897u) {
    let up = rest > 0x10000000u || (rest == 0x10000000u && (kept & 1u) == 1u);
    return sign | ((((exponent - 896u) << 23u) | kept) + select(0u, 1u, up)); // a carry correctly goes into the exponent
  }
  // A subnormal single, in units of 2^-149: the fraction with its leading one, shifted.
  let shift = 897u - exponent;
  if (shift > 24u) { return sign; }
  let whole = 0x800000u | kept;
  let result = whole >> shift;
  let lost = whole & ((1u << shift) - 1u);
  let half = 1u << (shift - 1u);
  let up = lost > half || (lost == half && (rest != 0u || (result & 1u) == 1u));
  return sign | (result + select(0u, 1u, up));
}`,
  ...Object.fromEntries(
    Object.entries(blocks).map(([type, block]) => [type, `${halfWGSL}${blockWGSL(type, block)}`]),
  ),
};

/** WGSL: the bits of a single to the bits of the nearest half, ties to even. */
const toHalfWGSL = /* wgsl */ `
fn toHalf(bits: u32) -> u32 {
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
  if (magnitude >= 0x477ff000u) { return sign | 0x7c00u; } // 65520 and above
  if (magnitude >= 0x38800000u) {
    return sign | ((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u)) >> 13u);
  }
  let shift = 126u - (magnitude >> 23u); // a subnormal half, in units of 2^-24
  if (shift > 24u) { return sign; }
  let whole = 0x800000u | (magnitude & 0x7fffffu);
  let result = whole >> shift;
  let lost = whole & ((1u << shift) - 1u);
  let half = 1u << (shift - 1u);
  return sign | (result + select(0u, 1u, lost > half || (lost == half && (result & 1u) == 1u)));
}`;

const toSinglesWGSL = 'out[u.first + i] = number(u.start + i);';
/** An invocation owns a word of two halves. A half outside the range keeps its value. */
const toHalvesWGSL = /* wgsl */ `let at = (u.first >> 1u) + i;
      var word = out[at];
      for (var k = 0u; k < 2u; k++) {
        let element = 2u * at + k;
        if (element >= u.first && element < u.first + u.count) {
          let shift = 16u * k;
          word = (word & ~(0xffffu << shift)) | (toHalf(number(u.start + element - u.first)) << shift);
        }
      }
      out[at] = word;`;

const plainWGSL = 'fn number(i: u32) -> u32 { return single(i); }';
const scaledWGSL = 'fn number(i: u32) -> u32 { return bitcast<u32>(u.scale * bitcast<f32>(single(i))); }';

/** Whether the device can decode elements of type `from` (a safetensors name) to type `to`. */
export const canDecode = (from: string, to: string): to is 'f32' | 'f16' =>
  (to === 'f32' || to === 'f16') && Object.hasOwn(singles, from) && from.toLowerCase() !== to;

/**
 * The kernel that decodes a range of raw little-endian elements or blocks. Bindings: raw (u32 words), out.
 * @param type safetensors name of the type of the raw elements; {@link canDecode} must be true.
 */
export function decodeKernel(
  type: string,
  to: 'f32' | 'f16',
  { base = 0, from, first, count, scale }: DecodeRange,
): Kernel {
  if (!canDecode(type, to)) throw new Error(`internal: decode: ${type} to ${to}`);
  const words = to === 'f32' ? count : Math.ceil((first + count) / 2) - Math.floor(first / 2);
  const uniforms = uniformBlock(2, {
    base: u32(base),
    start: u32(from),
    first: u32(first),
    count: u32(count),
    words: u32(words),
    scale: f32(scale ?? 1),
  });
  const code = /* wgsl */ `@group(0) @binding(0) var<storage, read> raw: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
${uniforms.wgsl}${workgroupIndexWGSL}${singles[type]}
${scale === undefined ? plainWGSL : scaledWGSL}
${to === 'f16' ? toHalfWGSL : ''}${eachWGSL('u.words', to === 'f32' ? toSinglesWGSL : toHalvesWGSL)}`;
  return {
    label: `decode ${type} to ${to}${scale === undefined ? '' : ', scaled'}`,
    code,
    bindings: [
      { name: 'raw', dtype: 'u32', access: 'read' },
      { name: 'out', dtype: to, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: eachWorkgroups(words),
  };
}
