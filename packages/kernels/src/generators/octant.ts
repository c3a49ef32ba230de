// Sine and cosine from our own arithmetic, because WGSL does not bound the error of its `sin` and `cos` well enough.
// An angle is given as a whole number of octants (eighths of a turn) and a rest in [0, 1] octant, both exact.

/**
 * WGSL of `octantCosSin(octant, rest) -> vec4f(cos high, cos low, sin high, sin low)`: the value is high + low;
 * the pair keeps what one f32 would round away. Errors are below 4e-8. The polynomials are Taylor polynomials, whose
 * remainders on an octant are below 2e-9. The high parts are exact, so a compiler may contract the other operations.
 */
export const octantWGSL = /* wgsl */ `
fn octantCosSin(octant: u32, rest: f32) -> vec4f {
  // In odd octants the angle is measured back from the next quarter turn.
  let odd = (octant & 1u) == 1u;
  let r = select(rest, 1.0 - rest, odd);
  let s = r * r;
  // cos(pi/4 r) = 1 + low, sin(pi/4 r) = 0.75 r + low
  let cosLow = s * (-0.30842513753404244 + s * (0.01585434424381549 + s * (-0.000325991886927391 +
    s * (3.5908604485915e-6 - s * 2.461136950494e-8))));
  let sinLow = r * (0.035398163397448276 + s * (-0.08074551218828077 + s * (0.002490394570192717 +
    s * (-3.657620418217725e-5 + s * 3.13361689037812e-7))));
  let c = vec2f(1.0, cosLow);
  let p = select(1.0, -1.0, odd) * vec2f(0.75 * r, sinLow);
  switch ((octant + 1u) / 2u % 4u) {
    case 1u: { return vec4f(-p, c); }
    case 2u: { return vec4f(-c, -p); }
    case 3u: { return vec4f(p, -c); }
    default: { return vec4f(c, p); }
  }
}
`;
