// The quantised blocks of ggml's files on the device: the WGSL of `single(i)`, the bits of element i as a single, for decode.ts.
// Not here: what the blocks are, and the same on the CPU (blocks.ts). An invocation decodes its element alone and reads the scales anew.

/** Bytes and halves of a block; every block has an even number of bytes, so that a half never crosses a word. */
const partsWGSL = /* wgsl */ `
fn byte(at: u32) -> u32 { return (raw[u.base + (at >> 2u)] >> (8u * (at & 3u))) & 0xffu; }
fn signedByte(at: u32) -> f32 { return f32(bitcast<i32>(byte(at) << 24u) >> 24u); }
fn half(at: u32) -> f32 {
  return bitcast<f32>(fromHalf((raw[u.base + (at >> 2u)] >> (8u * (at & 2u))) & 0xffffu));
}
fn bit(at: u32, j: u32) -> u32 { return (byte(at + (j >> 3u)) >> (j & 7u)) & 1u; }
fn nibble(at: u32, j: u32) -> u32 { return (byte(at + (j & 15u)) >> (4u * (j >> 4u))) & 15u; }
fn rowNibble(at: u32, j: u32) -> u32 {
  return (byte(at + (j >> 6u) * 32u + (j & 31u)) >> (4u * ((j >> 5u) & 1u))) & 15u;
}
fn crumb(at: u32, j: u32) -> u32 {
  return (byte(at + (j >> 7u) * 32u + (j & 31u)) >> (2u * ((j >> 5u) & 3u))) & 3u;
}
// Six bits of a scale and of an offset of part k, of 8 parts in the 12 bytes from s on.
fn packedScales(s: u32, k: u32) -> vec2f {
  if (k < 4u) { return vec2f(f32(byte(s + k) & 63u), f32(byte(s + k + 4u) & 63u)); }
  let both = byte(s + k + 4u);
  let scale = (both & 15u) | ((byte(s + k - 4u) >> 2u) & 48u);
  return vec2f(f32(scale), f32((both >> 4u) | ((byte(s + k) >> 2u) & 48u)));
}`;

/** `value(at, j)`: element j of the block whose bytes begin at `at`. */
const values: Readonly<Record<string, string>> = {
  Q8_0: 'return half(at) * signedByte(at + 2u + j);',
  Q4_0: 'return half(at) * (f32(nibble(at + 2u, j)) - 8.0);',
  Q4_1: 'return half(at) * f32(nibble(at + 4u, j)) + half(at + 2u);',
  Q5_0: 'return half(at) * (f32(nibble(at + 6u, j) | (bit(at + 2u, j) << 4u)) - 16.0);',
  Q5_1: 'return half(at) * f32(nibble(at + 8u, j) | (bit(at + 4u, j) << 4u)) + half(at + 2u);',
  Q2_K: /* wgsl */ `
  let scale = byte(at + (j >> 4u));
  let factor = half(at + 80u) * f32(scale & 15u);
  return factor * f32(crumb(at + 16u, j)) - half(at + 82u) * f32(scale >> 4u);`,
  Q3_K: /* wgsl */ `
  let k = j >> 4u;
  let low = (byte(at + 96u + (k & 7u)) >> (4u * (k >> 3u))) & 15u;
  let high = (byte(at + 104u + (k & 3u)) >> (2u * (k >> 2u))) & 3u;
  let kept = (byte(at + (j & 31u)) >> (j >> 5u)) & 1u;
  let code = f32(crumb(at + 32u, j)) - 4.0 * f32(1u - kept);
  return half(at + 108u) * (f32(low | (high << 4u)) - 32.0) * code;`,
  Q4_K: /* wgsl */ `
  let s = packedScales(at + 4u, j >> 5u);
  return half(at) * s.x * f32(rowNibble(at + 16u, j)) - half(at + 2u) * s.y;`,
  Q5_K: /* wgsl */ `
  let s = packedScales(at + 4u, j >> 5u);
  let high = (byte(at + 16u + (j & 31u)) >> (j >> 5u)) & 1u;
  return half(at) * s.x * f32(rowNibble(at + 48u, j) | (high << 4u)) - half(at + 2u) * s.y;`,
  Q6_K: /* wgsl */ `
  let low = (byte(at + (j >> 7u) * 64u + (j & 63u)) >> (4u * ((j >> 6u) & 1u))) & 15u;
  let code = f32(low | (crumb(at + 128u, j) << 4u)) - 32.0;
  return half(at + 208u) * signedByte(at + 192u + (j >> 4u)) * code;`,
};

/** The WGSL of `single(i)` of each kind of block; it needs `fromHalf` of decode.ts. */
export const blockWGSL = (type: string, { elements, bytes }: { elements: number; bytes: number }): string =>
  /* wgsl */ `${partsWGSL}
fn value(at: u32, j: u32) -> f32 {
  ${values[type]!.trim()}
}
fn single(i: u32) -> u32 { return bitcast<u32>(value((i / ${elements}u) * ${bytes}u, i % ${elements}u)); }`;
