// Says whether a video shows the pattern that was pictured, moving as asked, on the background asked for. Steps and numbers are
// those of reference/moviegen_reference/judge_patterns.py, which explains them.
//
// Legend: T frames, H W pixels.

import type { Clip } from '../clip.ts';
import { pathError } from './judge.ts';
import { argmin, backgroundOf, FLOORS, framesSeen, type Picture } from './measure.ts';
import { CELL_COLOURS, CELLS, candidatesOf, type PatternSample } from './patterns.ts';
import { AREA, type Background, MOTIONS, type Motion, SIZE } from './world.ts';

/** Points along each side of a cell's middle half. */
const POINTS = 3;

/** Of a video of a pictured object. */
export interface PatternVerdict {
  /** Whether the pattern, the motion and the background are right. */
  readonly right: boolean;
  readonly pattern: boolean;
  readonly motion: boolean;
  readonly background: boolean;
  /** Of the pictured pattern among the candidates, from 1; undefined where no object is seen. */
  readonly rank: number | undefined;
  readonly seen: { readonly motion?: Motion; readonly background?: Background };
  readonly measures: Readonly<Record<string, number>>;
}

/** Judges the video of sample `i`. */
export function judgePattern(clip: Clip, i: number, samples: readonly PatternSample[]): PatternVerdict {
  const { motion, background, cells, measures } = readPattern(clip);
  const { looks } = samples[i]!;
  let rank: number | undefined;
  if (cells) {
    const [own, ...others] = candidatesOf(i, samples).map((colours) => apart(cells, colours));
    rank = 1 + others.filter((away) => away < own!).length;
  }
  const parts = {
    pattern: rank === 1,
    motion: motion === looks.motion,
    background: background === looks.background,
  };
  const seen = { ...(motion && { motion }), ...(background && { background }) };
  return { right: Object.values(parts).every(Boolean), ...parts, rank, seen, measures };
}

/** The sum of the squared distances of the cells' colours from those of a pattern. */
function apart(cells: Float64Array, pattern: readonly number[]): number {
  let sum = 0;
  for (const [i, value] of cells.entries())
    sum += (value - CELL_COLOURS[pattern[Math.floor(i / 3)]!]![i % 3]!) ** 2;
  return sum;
}

/** What is seen: the motion, the background, and the mean colours of the cells [CELLS^2, 3]. */
function readPattern(clip: Clip) {
  const [T, H, W] = clip.shape;
  const { mask, word: background, measures } = backgroundOf(clip);
  const pictures = Array.from({ length: T }, (_, k) => maskPicture(mask, k, H, W));
  const lines = framesSeen(pictures, H, W);
  measures.frames_seen = lines.length / T;
  if (lines.length < Math.max(2, FLOORS.frames * T))
    return { motion: undefined, background, cells: undefined, measures };
  const scale = SIZE / W;
  const radiusOf = (area: number) => Math.sqrt(area / AREA.square);
  const track = lines.map(({ frame, cx, cy, area }) => ({
    frame,
    x: cx * scale,
    y: cy * scale,
    r: radiusOf(area) * scale,
  }));
  const errors = MOTIONS.map((motion) => pathError(motion, track, T));
  const closest = argmin(errors);
  measures.path_error = errors[closest]!;
  const motion = measures.path_error <= FLOORS.path ? MOTIONS[closest]! : undefined;

  const cells = new Float64Array(CELLS ** 2 * 3);
  for (const { frame, cx, cy, area } of lines) {
    const side = (2 * 0.78 * radiusOf(area)) / CELLS;
    const [columns, rows] = [pixelsAlong(cx, side, W), pixelsAlong(cy, side, H)];
    for (const [j, y] of rows.entries())
      for (const [i, x] of columns.entries()) {
        const cell = Math.floor(j / POINTS) * CELLS + Math.floor(i / POINTS);
        for (let c = 0; c < 3; c++)
          cells[cell * 3 + c]! +=
            clip.data[((frame * H + y) * W + x) * 3 + c]! / (POINTS ** 2 * lines.length);
      }
  }
  return { motion, background, cells, measures };
}

/** The pixels of the middles of the cells along an axis. */
const pixelsAlong = (centre: number, side: number, length: number): number[] =>
  Array.from({ length: CELLS * POINTS }, (_, i) => {
    const inCell = ((i % POINTS) - (POINTS - 1) / 2) / (2 * POINTS);
    const place = Math.floor(i / POINTS) - (CELLS - 1) / 2 + inCell;
    return Math.min(length - 1, Math.max(0, Math.floor(centre + side * place + 0.5)));
  });

/** A frame's object, each pixel of which is covered as a whole. */
function maskPicture(mask: Uint8Array, frame: number, H: number, W: number): Picture {
  const cover = Float64Array.from(mask.subarray(frame * H * W, (frame + 1) * H * W));
  let [area, mx, my] = [0, 0, 0];
  for (const [i, share] of cover.entries()) {
    area += share;
    mx += share * (i % W);
    my += share * Math.floor(i / W);
  }
  return { cover, area, cx: mx / area, cy: my / area };
}
