// The activations that other kernels fuse: their names, their WGSL on a vec4f, and the same functions on the CPU.

/** `gelu` is the exact function (with erf); `gelu-tanh` is its approximation with tanh. */
export type Activation = 'silu' | 'gelu' | 'gelu-tanh' | 'quick-gelu' | 'relu';

// erf by Abramowitz and Stegun 7.1.26: absolute error below 1.5e-7. tanh(z) is written as a logistic
// function of 2z, because some drivers' tanh overflows for large z.
const formulas: Readonly<Record<Activation, string>> = {
  silu: 'return x / (1.0 + exp(-x));',
  gelu: `let z = abs(x) * 0.7071067811865476;
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = poly * exp(-z * z);
  return 0.5 * x * select(2.0 - tail, tail, x < vec4f());`,
  'gelu-tanh': 'return x / (1.0 + exp(-1.5957691216057308 * (x + 0.044715 * x * x * x)));',
  'quick-gelu': 'return x / (1.0 + exp(-1.702 * x));',
  // By bits from -0 to -infinity, so that no compiler makes a maximum of it, which drops a NaN.
  relu: 'return select(x, vec4f(), (bitcast<Bits>(x) - Bits(0x80000000u)) <= Bits(0x7f800000u));',
};

/** WGSL of `fn activate(x: vec4f) -> vec4f`, or with the type V of vectorWGSL. Without an activation it returns x as it is. */
export const activationWGSL = (activation: Activation | undefined, type: 'vec4f' | 'V' = 'vec4f'): string => {
  const bits = type === 'V' ? 'Bits' : 'vec4<u32>';
  const body = activation
    ? formulas[activation].replaceAll('vec4f', type).replaceAll('Bits', bits)
    : 'return x;';
  return `fn activate(x: ${type}) -> ${type} {\n  ${body}\n}\n`;
};

// Maclaurin series with the factor e^(-z^2) taken out: every term is positive, so nothing cancels.
function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  let term = z;
  let sum = z;
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (2 * z * z) / (2 * n + 1);
    sum += term;
  }
  return (Math.sign(x) * 2 * sum * Math.exp(-z * z)) / Math.sqrt(Math.PI);
}

/** The activations on the CPU. */
export const activations: Readonly<Record<Activation, (x: number) => number>> = {
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  'gelu-tanh': (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  'quick-gelu': (x) => x / (1 + Math.exp(-1.702 * x)),
  relu: (x) => Math.max(x, 0),
};
