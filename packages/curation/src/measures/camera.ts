// Words for what the camera does, from motion vectors: only where most of a clip's vectors agree on one move. Pans, tilts, zooms
// and a resting camera are all that vectors tell; the paper's classifier knows 16 kinds. The method and its limits are ours.

import type { Vectors } from './vectors.ts';

/** The move of a whole frame, in pixels at 360 rows per frame. */
export interface FrameMove {
  /** Of the picture: it moves left where the camera pans right. */
  readonly x: number;
  readonly y: number;
  /** Growth of the picture from its middle to its edge: positive where the camera goes nearer. */
  readonly growth: number;
  /** The share of blocks within a pixel and a half of this move. */
  readonly agreement: number;
}

/** The move that explains most vectors: the median, or a zoom about the middle. */
export function frameMove({ rows, columns, dx, dy }: Vectors, scale: number): FrameMove {
  const [x, y] = [median(dx), median(dy)];
  const place = (i: number): readonly [number, number] => [
    (2 * (i % columns) + 1) / columns - 1,
    (2 * Math.floor(i / columns) + 1) / rows - 1,
  ];
  let [above, below] = [0, 0];
  for (let i = 0; i < dx.length; i++) {
    const [u, v] = place(i);
    above += u * (dx[i]! - x) + v * (dy[i]! - y);
    below += u * u + v * v;
  }
  const growth = below === 0 ? 0 : above / below;
  let agree = 0;
  for (let i = 0; i < dx.length; i++) {
    const [u, v] = place(i);
    if (Math.hypot(dx[i]! - x - growth * u, dy[i]! - y - growth * v) <= 1.5) agree++;
  }
  return { x: x * scale, y: y * scale, growth: growth * scale, agreement: agree / Math.max(1, dx.length) };
}

/** At least so many blocks agree, in at least so many frames. */
const SURE = { blocks: 0.7, frames: 0.8 };
/** At least so many pixels at 360 rows per second. */
const SLOW = 12;

/** Words for a clip's camera; undefined where they would not be sure. @param fps frames per second */
export function cameraMotion(moves: readonly FrameMove[], fps: number): string | undefined {
  const sure = moves.filter(({ agreement }) => agreement >= SURE.blocks);
  if (moves.length === 0 || sure.length < SURE.frames * moves.length) return undefined;
  const speed = (of: (move: FrameMove) => number) =>
    (fps * sure.reduce((sum, one) => sum + of(one), 0)) / sure.length;
  const same = (of: (move: FrameMove) => number, sign: number) =>
    sure.filter((move) => of(move) * sign > 0).length >= SURE.frames * sure.length;
  const kinds = [
    { of: (move: FrameMove) => move.x, words: ['pan left', 'pan right'] },
    { of: (move: FrameMove) => move.y, words: ['tilt up', 'tilt down'] },
    { of: (move: FrameMove) => move.growth, words: ['zoom in', 'zoom out'] },
  ].map(({ of, words }) => ({ of, words, speed: speed(of) }));
  const largest = kinds.reduce((a, b) => (Math.abs(b.speed) > Math.abs(a.speed) ? b : a));
  if (Math.abs(largest.speed) < SLOW / 4) return 'static';
  const others = kinds.filter((kind) => kind !== largest);
  const clear = others.every((kind) => Math.abs(kind.speed) < Math.abs(largest.speed) / 3);
  if (Math.abs(largest.speed) < SLOW || !clear || !same(largest.of, Math.sign(largest.speed)))
    return undefined;
  return largest.words[largest.speed > 0 ? 0 : 1];
}

function median(values: Int8Array): number {
  const sorted = Int8Array.from(values).sort();
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2;
}
