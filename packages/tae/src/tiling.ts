// Temporal tiling (Movie Gen section 3.1.1): long videos in tiles of 32 frames (4 latent ones). The encoder's tiles do not
// overlap; the decoder's do, by 16 frames (2 latent ones), blended linearly. Memory is flat in the number of frames.

import { add, concat, mul, scope, slice, Tensor } from '@moviegen/tensor';
import type { Posterior } from './posterior.ts';

/** Sizes of tiles. The last one may be short. */
export interface TileOptions {
  /** Latent frames of a tile. Default 4: 32 frames. */
  readonly tile?: number;
  /** Latent frames that the decoder's tiles share. Default 2: 16 frames. */
  readonly overlap?: number;
}

/** Encodes tile by tile; see `TAE.encodeTiled`. `perLatent` frames make a latent frame. */
export async function* encodeTiles(
  encode: (tile: Tensor) => Posterior,
  video: Tensor | Iterable<Tensor> | AsyncIterable<Tensor>,
  perLatent: number,
  { tile = 4 }: TileOptions,
): AsyncGenerator<Posterior> {
  if (!(Number.isInteger(tile) && tile >= 1))
    throw new Error(`tae.encodeTiled: tile must be an integer of at least 1, got ${tile}`);
  for await (const frames of regrouped(video instanceof Tensor ? [video] : video, tile * perLatent)) {
    const posterior = encode(frames);
    frames.dispose();
    await posterior.mean.device.sync(); // one tile's work at a time: what is queued needs memory too
    yield posterior;
  }
}

/** Decodes tile by tile; see `TAE.decodeTiled`. `perLatent` frames come of a latent frame. */
export async function* decodeTiles(
  decode: (tile: Tensor) => Tensor,
  latent: Tensor,
  numFrames: number,
  perLatent: number,
  { tile = 4, overlap = 2 }: TileOptions,
): AsyncGenerator<Tensor> {
  if (!(Number.isInteger(tile) && Number.isInteger(overlap) && 0 <= overlap && overlap < tile))
    throw new Error(
      `tae.decodeTiled: tile ${tile} and overlap ${overlap} must be integers, 0 <= overlap < tile`,
    );
  const { device } = latent;
  const T = latent.shape[2]!;
  const shared = overlap * perLatent; // frames that two tiles have in common
  let done = 0; // frames given out
  let tail: Tensor | undefined; // the shared frames of the tile before
  try {
    for (let start = 0; ; start += tile - overlap) {
      const end = Math.min(start + tile, T);
      const last = end === T;
      const step = scope(device, () => {
        const frames = decode(along(latent, start, end));
        const blended = tail ? blend(tail, frames, shared) : frames;
        const F = frames.shape[2]!;
        const wanted = Math.min(last ? F : F - shared, numFrames - done);
        return { ready: along(blended, 0, wanted), tail: last ? undefined : along(blended, F - shared, F) };
      });
      tail?.dispose();
      tail = step.tail;
      done += step.ready.shape[2]!;
      await device.sync();
      yield step.ready;
      if (last) return;
    }
  } finally {
    tail?.dispose();
  }
}

/** The tile's frames, the first n of them `(1 - j/n) * previous + (j/n) * next`, j = 0 .. n-1. */
function blend(previous: Tensor, frames: Tensor, n: number): Tensor {
  if (n === 0) return frames;
  const { device, dtype } = frames;
  const share = Array.from({ length: n }, (_, j) => j / n);
  const weights = (values: number[]) => Tensor.from(device, values, [1, 1, n, 1, 1], { dtype });
  const before = mul(previous, weights(share.map((s) => 1 - s)));
  const blended = add(before, mul(along(frames, 0, n), weights(share)));
  return concat([blended, along(frames, n, frames.shape[2]!)], { axis: 2 });
}

/** Pieces of a video along T', regrouped to `size` frames; the last may have fewer. */
async function* regrouped(
  pieces: Iterable<Tensor> | AsyncIterable<Tensor>,
  size: number,
): AsyncGenerator<Tensor> {
  let parts: Tensor[] = [];
  const joined = () => {
    const whole = parts.length === 1 ? parts[0]! : concat(parts, { axis: 2 });
    for (const part of parts) if (part !== whole) part.dispose();
    parts = [];
    return whole;
  };
  try {
    let held = 0;
    for await (const piece of pieces) {
      const F = piece.shape[2]!;
      for (let at = 0; at < F; ) {
        const taken = Math.min(size - held, F - at);
        parts.push(along(piece, at, at + taken));
        at += taken;
        held = (held + taken) % size;
        if (held === 0) yield joined();
      }
    }
    if (held > 0) yield joined();
  } finally {
    for (const part of parts) part.dispose();
  }
}

/** Frames `from` to `to` of [B, C, T, H, W]. */
function along(x: Tensor, from: number, to: number): Tensor {
  const [B, C] = x.shape as [number, number];
  return slice(x, { start: [0, 0, from], end: [B, C, to] });
}
