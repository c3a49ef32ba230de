// How a spatial and a temporal convolution in one kernel (convSpatioTemporal.ts) are spread over an adapter, and where
// that is better than two kernels.

import { BYTES, type DType, type Target } from '../kernel.ts';
import type { RegisterTile } from '../matmul/registerTile.ts';
import { matrixTilesOf } from '../matmul/tiles.ts';
import { lanesOf } from '../wgsl.ts';
import type { ConvShape } from './shape.ts';

/** Both convolutions. `spatial` is that of a frame, of one axis T of size 1 and batch B * T; its activation comes last of all. */
export interface SpatioTemporalShape {
  readonly spatial: ConvShape;
  /** Frames of x, and how the temporal convolution changes their number: it steps by `stride`, after nearest upsampling. */
  readonly frames: number;
  readonly stride: number;
  readonly upsample: number;
}

/** Frames of the result. */
export const framesMade = ({ frames, stride, upsample }: SpatioTemporalShape): number =>
  Math.ceil((frames * upsample) / stride);

/** How positions and channels are spread: `across` invocations share the channels of `rows` positions, `down` groups of them. */
export interface SpatioTemporalTile {
  readonly rows: number;
  readonly vectors: number;
  readonly across: number;
  readonly down: number;
  readonly exchange: RegisterTile['exchange'];
}

/** The two convolutions one after the other: no variant of this kernel, but what it competes with. */
export const PAIR = 'pair';

/** With more, a position's channels and weights fill an invocation, and what lies between is little beside the products. */
const mostChannels = 64;

/** Vectors from one position to the next in workgroup memory. */
export const pitchOf = ({ vectors, across }: SpatioTemporalTile): number => across * vectors + 1; // one more, against bank conflicts
/** Positions of a workgroup. */
export const positionsOf = ({ rows, down }: SpatioTemporalTile): number => rows * down;
const bytesOf = (tile: SpatioTemporalTile, dtype: DType): number =>
  3 * positionsOf(tile) * pitchOf(tile) * 4 * BYTES[dtype];

/** The tiles that this adapter can run, by variant name, best first. */
export function tilesOf(
  { spatial: { O } }: SpatioTemporalShape,
  target: Target,
  dtype: DType,
): Map<string, SpatioTemporalTile> {
  const found = new Map<string, SpatioTemporalTile>();
  if (O % 4 !== 0 || O > mostChannels) return found;
  const whole = 2 ** Math.ceil(Math.log2(O / 4));
  const lanes = lanesOf(target);
  if (lanes) {
    const across = Math.min(lanes, whole);
    const vectors = Math.ceil(O / 4 / across);
    const exchange = lanes === 4 ? 'quad' : 'shuffle';
    for (const rows of [16, 8])
      if (rows * vectors <= 32)
        found.set(`fused ${rows}`, { rows, vectors, across, down: lanes / across, exchange });
  }
  // A software adapter, which these do not serve, keeps a small one: so that tests without a GPU see it.
  const sizes = target.software ? [Math.max(16, whole)] : [128, 64, 32];
  for (const rows of target.software ? [4] : [8, 4]) {
    const tile = sizes
      .map(
        (size): SpatioTemporalTile => ({
          rows,
          vectors: 1,
          across: whole,
          down: size / whole,
          exchange: 'none',
        }),
      )
      .find((one) => bytesOf(one, dtype) <= target.maxWorkgroupStorage);
    if (tile) found.set(`fused shared ${rows}`, tile);
  }
  return found;
}

/**
 * Whether one kernel is the better default. On software adapters it is not, by the time of their cores: it takes 0.95 to
 * 1.0 of the pair's with 16 channels (SwiftShader and llvmpipe) and 1.06 to 1.4 with 32 and 64 (SwiftShader), and
 * compiles for two to three times as long. On GPUs, by counting and unmeasured: with few channels the second kernel
 * waits for memory, and tiles 64 columns wide stand half empty. But a workgroup walks over all frames, so that
 * positions alone must fill the adapter; and tensor cores serve 32 channels better.
 */
function pays(shape: SpatioTemporalShape, tile: SpatioTemporalTile, target: Target, dtype: DType): boolean {
  if (target.software) return false;
  const { O, output, batch } = shape.spatial;
  const tiles = (batch / shape.frames) * Math.ceil((output[1] * output[2]) / positionsOf(tile));
  const matrices = dtype === 'f16' && matrixTilesOf(target).size > 0;
  return O <= (matrices ? 16 : 32) && tiles >= 256;
}

/** Variants for these sizes on this adapter, best first; {@link PAIR}, two kernels, is always among them. */
export function convSpatioTemporalVariants(
  shape: SpatioTemporalShape,
  target: Target,
  dtype: DType = 'f32',
): string[] {
  const tiles = tilesOf(shape, target, dtype);
  const [first] = tiles.values();
  return first && pays(shape, first, target, dtype) ? [...tiles.keys(), PAIR] : [PAIR, ...tiles.keys()];
}
