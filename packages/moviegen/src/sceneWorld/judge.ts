// Says what a video of scene world shows, and whether that is what its prompt says: the same steps, floors and numbers as
// reference/moviegen_reference/scene_judge.py, where they are explained. What it believes to see is drawn again and compared.
// It knows nothing of the prompt until `judge` compares words.
//
// Legend: T frames, H W pixels, s = min(H, W) / 64.

import { distance, nearest } from '../shapesWorld/measure.ts';
import type { Motion, Shape } from '../shapesWorld/world.ts';
import type { Frames } from '../video/frames.ts';
import { type FoundBackdrop, findBackdrop, least } from './backdrop.ts';
import { countOf, coversOf, dilate, drawnColours, erode } from './covers.ts';
import {
  type Backdrop,
  type Camera,
  RATES,
  type Scene,
  TWO,
  WORD_COLOURS,
  WORD_PATH,
  type WordColour,
} from './scenes.ts';
import { type Found, findThing, pathErrors, FLOORS as TRACK_FLOORS } from './track.ts';

const OBJECT_DISTANCE = 45;
/** Below these likenesses no word is given; those of a thing's shape and letters are in track.ts. */
const FLOORS = {
  /** At least: share of the border's pixels within OBJECT_DISTANCE of the background's drawing. */
  background: 0.75,
  /** At most: distance of a thing's colour from its word's. */
  colour: 70,
  /** At least: share of the object pixels that a second thing has. */
  second: 0.05,
  /** At most: root mean square distance from the word's path, in s pixels. */
  path: 2.5,
} as const;

/** A thing; undefined where no word is near enough. */
export interface SeenThing {
  readonly colour: WordColour | undefined;
  readonly shape: Shape | undefined;
  readonly text: string | undefined;
  readonly motion: Motion | '' | undefined;
}

/** What a video shows. */
export interface Sight {
  readonly things: readonly SeenThing[];
  readonly background: Backdrop | undefined;
  readonly camera: Camera | '';
  /** Undefined where nothing moves. */
  readonly fps: number | undefined;
  /** The numbers behind the words. */
  readonly measures: {
    readonly border: number;
    readonly likeness?: readonly number[];
    readonly path?: readonly number[];
  };
}

/** Whether a video shows what its prompt says. */
export interface SceneVerdict {
  /** All parts but the rate are. */
  readonly right: boolean;
  readonly colour: boolean;
  readonly shape: boolean;
  readonly text: boolean;
  readonly motion: boolean;
  readonly background: boolean;
  readonly camera: boolean;
  /** Reported, not judged; undefined where nothing should move. */
  readonly fps: boolean | undefined;
  readonly seen: Sight;
}

/** Holds a video against its scene. */
export function judge(frames: Frames, scene: Scene): SceneVerdict {
  return verdictOn(look(frames), scene);
}

/** Holds what was seen against a scene. */
export function verdictOn(seen: Sight, scene: Scene): SceneVerdict {
  const { things } = scene;
  const all = (is: (thing: SeenThing, i: number) => boolean) =>
    seen.things.length === things.length && seen.things.every(is);
  const parts = {
    colour: all(({ colour }, i) => colour === things[i]!.colour),
    shape: all(({ shape = '' }, i) => shape === things[i]!.shape),
    text: all(({ text = '' }, i) => text === things[i]!.text),
    motion: all(({ motion }, i) => motion === things[i]!.motion),
    background: seen.background?.join() === scene.background.join(),
    camera: seen.camera === scene.camera,
  };
  const moves = scene.camera !== '' || things.some(({ motion }) => motion !== '' && motion !== 'stays still');
  const fps = moves && scene.frames > 1 ? seen.fps === scene.fps : undefined;
  return { right: Object.values(parts).every(Boolean), ...parts, fps, seen };
}

/** The words for a video. */
export function look(frames: Frames): Sight {
  const [T, H, W] = frames.shape;
  const s = Math.min(H, W) / 64;
  const backdrop = findBackdrop(frames, s);
  const drawn = drawnColours(frames, backdrop);
  const { words, camera } = backdrop;
  const differs = Uint8Array.from({ length: T * H * W }, (_, i) => {
    const under = [drawn[i * 3]!, drawn[i * 3 + 1]!, drawn[i * 3 + 2]!] as const;
    return distance(frames.data, i * 3, under) > OBJECT_DISTANCE ? 1 : 0;
  });
  const border = 1 - ringShare(differs, frames);
  const background = border >= FLOORS.background ? words : undefined;
  const mask = words[0] === 'checkerboard' ? dilate(erode(differs, frames), frames) : differs;
  if (countOf(mask) === 0) return { things: [], background, camera, fps: backdrop.fps, measures: { border } };

  const tooFew = TRACK_FLOORS.area * s * s * T;
  const covers = coversOf(frames, mask, drawn, (pixels) => Math.max(FLOORS.second * pixels, tooFew));
  const wordy = words.length === 1 && covers.length === 1;
  const founds = covers.map((cover, k) => findThing(cover, covers[1 - k], frames.shape, s, wordy));
  const { motions, fps, path } = T > 1 ? movesOf(founds, backdrop, T, s) : still(founds, backdrop);
  const things = founds.map(({ shape, text }, k): SeenThing => {
    const [colour, off] = nearest(covers[k]!.colour, WORD_COLOURS);
    return { colour: off <= FLOORS.colour ? colour : undefined, shape, text, motion: motions[k] };
  });
  const likeness = founds.map(({ overlap, letters = 0 }) => Math.max(overlap, letters));
  const measures = { border, likeness, ...(path && { path }) };
  return { things: inOrder(things, founds, H > W ? 'y' : 'x'), background, camera, fps, measures };
}

/** The share of set pixels within two of the border. */
function ringShare(mask: Uint8Array, { shape: [, H, W] }: Frames): number {
  let [set, count] = [0, 0];
  for (let i = 0; i < mask.length; i++) {
    const [y, x] = [Math.floor(i / W) % H, i % W];
    if (y >= 2 && y < H - 2 && x >= 2 && x < W - 2) continue;
    set += mask[i]!;
    count++;
  }
  return set / count;
}

interface Moves {
  readonly motions: readonly (Motion | '' | undefined)[];
  readonly fps: number | undefined;
  /** The distance of each named thing's path from the nearest motion's. */
  readonly path: readonly number[] | undefined;
}

/** An image: nothing moves. */
const still = (founds: readonly Found[], { fps }: FoundBackdrop): Moves => ({
  motions: founds.map(() => ''),
  fps,
  path: undefined,
});

/** The motion of each thing that is named, and the frame rate: what is nearest. */
function movesOf(
  founds: readonly Found[],
  { camera, fps: told }: FoundBackdrop,
  frames: number,
  s: number,
): Moves {
  const isNamed = ({ shape, text }: Found) => shape !== undefined || text !== undefined;
  const nearestOf = (found: Found, fps: number) => {
    const two = founds.length === 2;
    const [along, large] = found.text === undefined ? (two ? [TWO, TWO] : [1, 1]) : [WORD_PATH, 1];
    const errors = pathErrors(found, { frames, fps, camera, s, along, large });
    const motion = least([...errors.keys()], (word) => errors.get(word)!);
    return { motion, error: errors.get(motion)! };
  };
  const rates = (told === undefined ? RATES : [told]).map((fps) => {
    const moves = founds.map((found) => (isNamed(found) ? nearestOf(found, fps) : undefined));
    return { fps, moves, sum: moves.reduce((sum, move) => sum + (move?.error ?? 0), 0) };
  });
  const { fps, moves } = least(rates, ({ sum }) => sum);
  const motions = moves.map((move) => (move && move.error <= FLOORS.path ? move.motion : undefined));
  const moved = camera !== '' || motions.some((motion) => motion !== undefined && motion !== 'stays still');
  return {
    motions,
    fps: moved ? fps : undefined,
    path: moves.flatMap((move) => (move === undefined ? [] : [move.error])),
  };
}

/** Two things as captions name them: left before right, upper before lower. */
function inOrder(
  things: readonly SeenThing[],
  founds: readonly Found[],
  axis: 'x' | 'y',
): readonly SeenThing[] {
  if (things.length < 2) return things;
  const at = founds.map(({ meanCentre }) => meanCentre?.[axis] ?? 0);
  return at[0]! <= at[1]! ? things : things.toReversed();
}
