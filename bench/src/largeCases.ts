// Cases that only a GPU can run: the shapes of Movie Gen 30B, and the TAE's decoder at 768 x 768. Cases that every
// adapter can run are in the case list of @moviegen/kernels.
import { type Case, sizeOf, spec } from '@moviegen/kernels';

const TOKENS = 73_728; // 256 frames of 768 x 768: 32 x 48 x 48 patches
const product = { f32: 1e-5, f16: 4e-3, why: 'sums in f32 in another order; f16 rounds operands and result' };
const pointwise = { f32: 5e-6, f16: 4e-3, why: 'f16 rounds operands and result' };

function large(
  op: string,
  name: string,
  inputs: Readonly<Record<string, readonly number[]>>,
  options: Case['options'],
  [flops, elements]: readonly [flops: number, elements: number],
  tolerance: Case['tolerance'] = product,
): Case {
  const specs = Object.fromEntries(Object.entries(inputs).map(([key, shape]) => [key, spec(shape)]));
  return { op, name, inputs: specs, options, tolerance, flops, bytes: 4 * elements, use: 'bench' };
}

const matmul = (M: number, K: number, N: number): Case =>
  large('matmul', `${M}x${K} x ${K}x${N}`, { a: [M, K], b: [K, N] }, {}, [
    2 * M * K * N,
    M * K + K * N + M * N,
  ]);

const linear = (rows: number, K: number, N: number): Case =>
  large('linear', `${rows}x${K} to ${N}`, { x: [rows, K], weight: [N, K] }, { packed: true }, [
    2 * rows * K * N,
    rows * K + K * N + rows * N,
  ]);

const attention = (heads: number, N: number, D: number): Case => {
  const shape = [1, N, heads * D];
  return large(
    'attention',
    `1 x ${heads} heads x ${N} x ${D}`,
    { q: shape, k: shape, v: shape },
    { heads },
    [4 * heads * N * N * D, 4 * sizeOf(shape)],
    { f32: 2e-5, f16: 4e-3, why: 'exponentials and sums in f32; f16 rounds operands and result' },
  );
};

/** A convolution that keeps the size, channels last. */
function conv(op: 'conv1d' | 'conv2d', x: readonly number[], O: number): Case {
  const C = x.at(-1)!;
  const weight = op === 'conv2d' ? [O, C, 3, 3] : [O, C, 3];
  const out = (sizeOf(x) / C) * O;
  return large(
    op,
    `${x.join('x')} * ${weight.join('x')}, last + packed + padding 1`,
    { x, weight },
    { layout: 'channels-last', packed: true, padding: 1 },
    [2 * out * sizeOf(weight.slice(1)), sizeOf(x) + sizeOf(weight) + out],
  );
}

const bytes = (op: string, inputs: Readonly<Record<string, readonly number[]>>, elements: number): Case => {
  const [first] = Object.values(inputs);
  return large(op, first!.join('x'), inputs, {}, [8 * sizeOf(first!), elements], pointwise);
};

const hidden = [TOKENS, 6144];
/** Cases for GPUs, in f16 where the adapter has it. */
export const largeCases: readonly Case[] = [
  matmul(4096, 4096, 4096),
  matmul(TOKENS, 6144, 6144),
  linear(TOKENS, 6144, 6144),
  {
    ...large('swiglu', '8192x6144 to 16384', { x: [8192, 6144], w1: [16384, 6144], w3: [16384, 6144] }, {}, [
      4 * 8192 * 6144 * 16384,
      8192 * 6144 + 2 * 16384 * 6144 + 8192 * 16384,
    ]),
  },
  attention(48, 8192, 128),
  attention(48, TOKENS, 128),
  conv('conv2d', [1, 768, 768, 128], 128),
  conv('conv2d', [2, 384, 384, 256], 256),
  conv('conv2d', [4, 192, 192, 512], 512),
  conv('conv1d', [192 * 192, 8, 512], 512),
  conv('conv1d', [384 * 384, 8, 128], 128),
  bytes('rmsNorm', { x: hidden, weight: [6144] }, 2 * sizeOf(hidden)),
  bytes('layerNorm', { x: hidden, weight: [6144] }, 2 * sizeOf(hidden)),
  bytes('siluMul', { a: hidden, b: hidden }, 3 * sizeOf(hidden)),
  bytes('silu', { x: hidden }, 2 * sizeOf(hidden)),
  large(
    'rmsNorm',
    `1x${hidden.join('x')}, modulated`,
    { x: [1, ...hidden], weight: [6144], shift: [1, 6144], scale: [1, 6144] },
    {},
    [8 * sizeOf(hidden), 2 * sizeOf(hidden)],
    pointwise,
  ),
  large(
    'gatedResidual',
    `1x${hidden.join('x')}`,
    { x: [1, ...hidden], gate: [1, 6144], y: [1, ...hidden] },
    {},
    [2 * sizeOf(hidden), 3 * sizeOf(hidden)],
    pointwise,
  ),
  large(
    'groupNorm',
    '8x384x384x128, groups 32, silu',
    { x: [8, 384, 384, 128], weight: [128], bias: [128] },
    { groups: 32, layout: 'channels-last', eps: 1e-6, activation: 'silu' },
    [8 * 8 * 384 * 384 * 128, 3 * 8 * 384 * 384 * 128],
    pointwise,
  ),
];
