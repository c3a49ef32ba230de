// Standard normals from Philox words by Box-Muller, with our own arithmetic: WGSL's `log`, `cos` and `sqrt` may differ
// between adapters by more than the 1e-6 that we promise. The steps, and the reasons for them, are the same as in the
// definition in reference/moviegen_reference/philox.py. Pairs of f32 (high, low) carry what one f32 would round away.

import { type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { eachWGSL, eachWorkgroups, enableWGSL } from '../wgsl.ts';
import { type NoiseOptions, noiseKey } from './noise.ts';
import { octantWGSL } from './octant.ts';
import { philoxWGSL } from './philox.ts';

const normalWGSL = /* wgsl */ `
// m of a word: u = m 2^-24 is uniform in (0, 1), and m is exact in f32.
fn uniformInteger(word: u32) -> u32 {
  return 2u * (word >> 9u) + 1u;
}

// The upper 12 bits of a significand: a product of two such numbers is exact.
fn upper(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}

// sqrt(-2 ln u) as high + low.
fn radius(word: u32) -> vec2f {
  // m = f 2^e with sqrt(1/2) <= f < sqrt(2); then ln u = (e - 24) ln 2 + ln f.
  let bits = bitcast<u32>(f32(uniformInteger(word)));
  var f = bitcast<f32>((bits & 0x7fffffu) | 0x3f800000u);
  var e = f32(bits >> 23u) - 151.0;
  if (f > 1.4142135) {
    f *= 0.5;
    e += 1.0;
  }
  // ln(1 + x) = x - x^2 / 2 + x^3 P(x), P of Cephes' logf.
  let x = f - 1.0;
  let P = 3.3333331174e-1 + x * (-2.4999993993e-1 + x * (2.0000714765e-1 + x * (-1.6668057665e-1 +
    x * (1.4249322787e-1 + x * (-1.2420140846e-1 + x * (1.1676998740e-1 + x * (-1.1514610310e-1 +
    x * 7.0376836292e-2)))))));
  let s = x * x;
  // ln 2 in two parts; e times the large part is exact.
  let small = x + (e * -2.12194440e-4 + (x * s * P - 0.5 * s));
  let large = e * 0.693359375;
  let ln = large + small;
  let y = -2.0 * ln;
  let rest = -2.0 * (small - (ln - large)) ;
  // One Newton step: the residue y - r^2 is exact up to its last term, whatever the error of the built-in sqrt.
  let r = sqrt(y);
  let h = upper(r);
  let l = r - h;
  let residue = ((y - h * h) - 2.0 * h * l) - l * l;
  return vec2f(r, (residue + rest) / (2.0 * r));
}

// A pair of normals, r cos a and r sin a.
fn boxMuller(first: u32, second: u32) -> vec2f {
  let r = radius(first);
  let m = uniformInteger(second);
  let a = octantCosSin(m >> 21u, f32(m & 0x1fffffu) / 2097152.0);
  return r.x * a.xz + (r.x * a.yw + r.y * (a.xz + a.yw));
}
`;

/** The kernel of `count` normals (elements start, start + 1, ... of the seed's stream). Bindings: out. */
export function randnKernel(count: number, options: NoiseOptions, dtype: DType): Kernel {
  const { start, key, stream } = noiseKey(options);
  const firstBlock = Math.floor(start / 4);
  const skip = start % 4;
  const blocks = count > 0 ? Math.ceil((skip + count) / 4) : 0;
  const uniforms = uniformBlock(1, {
    count: u32(count),
    blocks: u32(blocks),
    skip: u32(skip),
    blockLow: u32(firstBlock % 2 ** 32),
    blockHigh: u32(Math.floor(firstBlock / 2 ** 32)),
    key0: u32(key[0]),
    key1: u32(key[1]),
    stream0: u32(stream[0]),
    stream1: u32(stream[1]),
  });
  const code = /* wgsl */ `${enableWGSL([dtype])}
@group(0) @binding(0) var<storage, read_write> out: array<${dtype}>;
${uniforms.wgsl}${workgroupIndexWGSL}${philoxWGSL}${octantWGSL}${normalWGSL}
fn writeBlock(i: u32) {
  let low = u.blockLow + i;
  let high = u.blockHigh + select(0u, 1u, low < i); // the carry
  let words = philox(vec4(low, high, u.stream0, u.stream1), vec2(u.key0, u.key1));
  let normals = vec4f(boxMuller(words.x, words.y), boxMuller(words.z, words.w));
  for (var member = 0u; member < 4u; member++) {
    let at = i * 4u + member - u.skip; // before the first element this wraps around to a number beyond the count
    if (at < u.count) {
      out[at] = ${dtype}(normals[member]);
    }
  }
}
${eachWGSL('u.blocks', 'writeBlock(i);')}`;
  return {
    label: `randn ${dtype}`,
    code,
    bindings: [{ name: 'out', dtype, access: 'read_write' }],
    uniforms: uniforms.bytes,
    workgroups: eachWorkgroups(blocks),
  };
}
