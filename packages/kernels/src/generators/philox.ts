// Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), counter-based: a block
// of four words depends only on its index, the seed and the stream, so the work can be split in any way.
// The definition of our noise is reference/moviegen_reference/philox.py.

/** WGSL of `philox(counter, key) -> vec4<u32>`: the same words on every adapter. */
export const philoxWGSL = /* wgsl */ `
// (high, low) of the 64-bit product, computed from 16-bit halves.
fn multiply(a: u32, b: u32) -> vec2<u32> {
  let lowLow = (a & 0xffffu) * (b & 0xffffu);
  let lowHigh = (a & 0xffffu) * (b >> 16u);
  let highLow = (a >> 16u) * (b & 0xffffu);
  let middle = (lowLow >> 16u) + (lowHigh & 0xffffu) + (highLow & 0xffffu);
  return vec2((a >> 16u) * (b >> 16u) + (lowHigh >> 16u) + (highLow >> 16u) + (middle >> 16u), a * b);
}

fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let p = multiply(0xD2511F53u, c.x);
    let q = multiply(0xCD9E8D57u, c.z);
    c = vec4(q.x ^ c.y ^ k.x, q.y, p.x ^ c.w ^ k.y, p.y);
    k += vec2(0x9E3779B9u, 0xBB67AE85u);
  }
  return c;
}
`;
