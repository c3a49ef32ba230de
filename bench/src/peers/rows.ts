// The rows in which our kernels are compared with other libraries, and how much faster ours must be.
import { type Case, cases, spec } from '@moviegen/kernels';

/** A row of the table. */
export interface Row {
  readonly name: string;
  readonly item: Case;
  /** How many times as fast as the fastest correct peer ours must be. */
  readonly bound: number;
}

const find = (op: string, start: string): Case => {
  const found = cases.find((item) => item.op === op && item.use !== 'test' && item.name.startsWith(start));
  if (!found) throw new Error(`internal: no case ${op} ${start} to compare with peers`);
  return found;
};

/** Patchify of 8 frames of 64 x 64 latents. The case list's is the shipped model's, which takes only microseconds. */
const patchify: Case = {
  op: 'conv3d',
  name: '1x8x64x64x16 * 256x16x1x2x2, last + packed + stride [1,2,2]',
  inputs: { x: spec([1, 8, 64, 64, 16]), weight: spec([256, 16, 1, 2, 2]) },
  options: { layout: 'channels-last', packed: true, stride: [1, 2, 2] },
  tolerance: { f32: 1e-5, f16: 4e-3, why: 'sums over taps and channels in f32' },
  flops: 2 * 8 * 32 * 32 * 256 * 64,
  bytes: 4 * (8 * 64 * 64 * 16 + 256 * 64 + 8 * 32 * 32 * 256),
  use: 'bench',
};

export const rows: readonly Row[] = [
  { name: 'matmul 512', item: find('matmul', '512x512 x 512x512'), bound: 1.5 },
  { name: 'matmul 1024', item: find('matmul', '1024x1024 x'), bound: 1.5 },
  { name: 'matmul 32x1024x4096', item: find('matmul', '32x1024 x 1024x4096'), bound: 1.5 },
  { name: 'conv2d 64 to 64, 3x3, 4x64x64', item: find('conv2d', '4x64x64x64 *'), bound: 1.5 },
  { name: 'conv3d 32 to 32, 3x3x3, 8x32x32', item: find('conv3d', '1x8x32x32x32 *'), bound: 2 },
  { name: 'conv3d 1x2x2 patchify, 16 to 256, 8x64x64', item: patchify, bound: 2 },
  { name: 'attention 8 heads x 1024 x 64', item: find('attention', '1 x 8 heads x 1024 x 64'), bound: 2 },
  { name: 'layer norm 4096x1024', item: find('layerNorm', '4096x1024'), bound: 1.2 },
  { name: 'RMS norm 4096x1024', item: find('rmsNorm', '4096x1024'), bound: 1.2 },
  { name: 'RMS norm, rotary positions, 1560 x 2 x 1536', item: find('rmsNormRotary', '1x1560'), bound: 1.5 },
  { name: 'causal conv3d 96 to 96, 3x3x3, 4x32x32', item: find('conv3d', '1x4x32x32x96 *'), bound: 1.5 },
  { name: 'SwiGLU gate 4096x1024', item: find('siluMul', '4096x1024'), bound: 1.2 },
];
