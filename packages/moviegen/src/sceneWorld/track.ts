// A thing of scene world from its coverage: its shape or its word, and how far its path is from each motion's.
//
// Legend: T frames, H W pixels, s = min(H, W) / 64.

import { AREA, coverage, MOTIONS, type Motion, placeAt, SHAPES, type Shape } from '../shapesWorld/world.ts';
import type { Cover } from './covers.ts';
import { type Plane, readWord } from './letters.ts';
import { type Camera, cameraAt, progress, WORD_MOTIONS } from './scenes.ts';

/** Below these likenesses no word is given. */
export const FLOORS = {
  /** At least: share of frames in which a thing is seen. */
  frames: 0.8,
  /** At least: its area there, in s x s pixels. */
  area: 12,
  /** At least: mean overlap with the shape's drawing. */
  overlap: 0.7,
  /** At least: 1 - mean distance of a word's samples from its glyphs. */
  letters: 0.8,
} as const;

/** Where a thing is in a frame: pixels from the canvas centre. */
export interface Point {
  readonly frame: number;
  readonly x: number;
  readonly y: number;
  /** A word's is 1. */
  readonly r: number;
}

/** A thing, as seen. */
export interface Found {
  readonly shape: Shape | undefined;
  readonly text: string | undefined;
  /** With the shape's drawing. */
  readonly overlap: number;
  /** Likeness of the letters, where they were read. */
  readonly letters: number | undefined;
  /** Undefined where it is not seen in enough frames. */
  readonly meanCentre: { readonly x: number; readonly y: number } | undefined;
  /** Of what has a shape or a text. */
  readonly track: readonly Point[];
}

/** What a cover shows. @param other that of the other thing; @param wordy it may be a word */
export function findThing(
  { share }: Cover,
  other: Cover | undefined,
  [T, H, W]: readonly number[],
  s: number,
  wordy: boolean,
): Found {
  const planeOf = (of: Float64Array, k: number): Plane => ({
    share: of.subarray(k * H! * W!, (k + 1) * H! * W!),
    height: H!,
    width: W!,
  });
  const seen = Array.from({ length: T! }, (_, k) => massOf(planeOf(share, k), k)).filter(
    ({ area }) => area >= FLOORS.area * s * s,
  );
  const nothing = { shape: undefined, text: undefined, letters: undefined, track: [] };
  if (seen.length < Math.max(1, FLOORS.frames * T!)) return { ...nothing, overlap: 0, meanCentre: undefined };

  const overlaps = SHAPES.map((shape) => ({
    shape,
    overlap: mean(seen.map((mass) => likeness(mass, shape, other && planeOf(other.share, mass.frame)))),
  }));
  const best = overlaps.reduce((most, one) => (one.overlap > most.overlap ? one : most));
  const found = { ...nothing, overlap: best.overlap, meanCentre: middleOf(seen) };
  const reading = wordy
    ? readWord(
        seen.map(({ plane }) => plane),
        s,
      )
    : undefined;
  if (reading !== undefined && reading.likeness >= FLOORS.letters && reading.likeness > best.overlap) {
    const track = reading.centres.flatMap((centre, i) =>
      centre === undefined ? [] : [{ frame: seen[i]!.frame, ...centre, r: 1 }],
    );
    return { ...found, text: reading.text, letters: reading.likeness, meanCentre: middleOf(track), track };
  }
  const letters = reading?.likeness;
  if (best.overlap < FLOORS.overlap) return { ...found, letters };
  const { shape } = best;
  const track = seen.map(({ frame, x, y, area }) => ({ frame, x, y, r: Math.sqrt(area / AREA[shape]) }));
  return { ...found, shape, letters, track };
}

/** A thing's coverage in a frame, its area, and its centre from the canvas centre. */
interface Mass {
  readonly frame: number;
  readonly plane: Plane;
  readonly area: number;
  readonly x: number;
  readonly y: number;
}

function massOf(plane: Plane, frame: number): Mass {
  const { share, height, width } = plane;
  let [area, mx, my] = [0, 0, 0];
  for (let i = 0; i < share.length; i++) {
    area += share[i]!;
    mx += share[i]! * ((i % width) - (width - 1) / 2);
    my += share[i]! * (Math.floor(i / width) - (height - 1) / 2);
  }
  return { frame, plane, area, x: mx / area, y: my / area };
}

/** Sum of minima over sum of maxima of the seen and the drawn coverage, where the other thing does not hide it. */
function likeness({ plane, area, x, y }: Mass, shape: Shape, other: Plane | undefined): number {
  const { share, height, width } = plane;
  const r = Math.sqrt(area / AREA[shape]);
  const drawn = coverage(shape, (width - 1) / 2 + x, (height - 1) / 2 + y, r, height, width);
  let [least, most] = [0, 0];
  for (let i = 0; i < drawn.length; i++) {
    if (other !== undefined && other.share[i]! > 0.3) continue;
    least += Math.min(share[i]!, drawn[i]!);
    most += Math.max(share[i]!, drawn[i]!);
  }
  return least / most;
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
const middleOf = (points: readonly { readonly x: number; readonly y: number }[]) => ({
  x: mean(points.map(({ x }) => x)),
  y: mean(points.map(({ y }) => y)),
});

/** How a clip is seen, and what a thing's path and size are multiplied by. */
export interface View {
  readonly frames: number;
  readonly fps: number;
  readonly camera: Camera | '';
  readonly s: number;
  readonly along: number;
  readonly large: number;
}

/** Of each motion: root mean square distance of the measured path, in s pixels, the camera undone. */
export function pathErrors(
  found: Found,
  { frames, fps, camera, s, along, large }: View,
): Map<Motion, number> {
  const p = progress(frames, fps);
  const points = found.track.map(({ frame, x, y, r }) => {
    const { z, x: pan } = cameraAt(camera, p[frame]!, s);
    return { p: p[frame]!, x: (x / z + pan) / s, y: y / z / s, r: r / z / s };
  });
  return new Map(
    (found.text === undefined ? MOTIONS : WORD_MOTIONS).map((motion) => {
      const off = points.map((point) => {
        const want = placeAt(motion, '', point.p);
        return { x: point.x - along * want.x, y: point.y - along * want.y, r: point.r - large * want.r };
      });
      const shift = middleOf(off);
      const growth = motion === 'grows' || motion === 'shrinks' ? 0 : mean(off.map(({ r }) => r));
      const squares = off.map(({ x, y, r }) => (x - shift.x) ** 2 + (y - shift.y) ** 2 + (r - growth) ** 2);
      return [motion, Math.sqrt(mean(squares))];
    }),
  );
}
