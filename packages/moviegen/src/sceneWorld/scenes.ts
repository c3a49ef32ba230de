// Scene world, the larger world: what a clip holds, and its caption. It keeps shapes world's words, colours, shapes, sizes and
// motions, and adds second objects, words in letters, patterned backgrounds, a camera, sizes, lengths and rates. The definition
// is reference/moviegen_reference/scenes.py; this file says the same. Not here: judging (judge.ts), drawing lots (lots.ts).
//
// Lengths are shapes world's at 64x64 and grow with s = min(H, W) / 64. Frame k of a clip of R frames a second is at
// progress p = min(1, 16 k / (15 R)); an image shows p = 1/2.

import {
  article,
  BACKGROUNDS,
  type Background,
  COLOURS,
  heldOut as heldOutTriple,
  MOTIONS,
  type Motion,
  type Rgb,
  type Shape,
  type Size,
} from '../shapesWorld/world.ts';

/** Frames a second that clips have. */
export const RATES = [8, 16, 24] as const;
/** What the camera does. */
export const CAMERAS = ['zooms in', 'zooms out', 'pans left', 'pans right'] as const;
export type Camera = (typeof CAMERAS)[number];

/** Side of a checkerboard's squares. */
export const CELL = 8;
const ZOOM = 1.5;
const PAN = 16;
/** What lengths of two things, and paths of words, are multiplied by. */
export const TWO = 0.7;
export const WORD_PATH = 0.5;
/** Letters of a word, at most. */
export const LONGEST = 4;

/** The colours of words. */
export const WORD_COLOURS = {
  ...COLOURS,
  black: [16, 16, 16],
  white: [240, 240, 240],
} as const satisfies Record<string, Rgb>;
export type WordColour = keyof typeof WORD_COLOURS;
/** What words, and things before a moving camera, do. */
export const WORD_MOTIONS: readonly Motion[] = MOTIONS.filter((m) => m !== 'grows' && m !== 'shrinks');

/** A shape, or a word where `text` is not empty. */
export interface Thing {
  readonly colour: WordColour;
  /** `''`: an image's. */
  readonly motion: Motion | '';
  readonly shape: Shape | '';
  readonly text: string;
  readonly size: Size;
}

/** One colour, or two in a pattern: from the first row to the last, or by turns. */
export type Backdrop =
  | readonly [Background]
  | readonly [pattern: 'gradient' | 'checkerboard', first: Background, second: Background];

/** What a clip holds. */
export interface Scene {
  readonly things: readonly Thing[];
  readonly background: Backdrop;
  /** `''`: it rests. */
  readonly camera: Camera | '';
  readonly frames: number;
  readonly fps: number;
  readonly size: readonly [height: number, width: number];
}

/** The progress of each frame. */
export function progress(frames: number, fps: number): number[] {
  if (frames === 1) return [0.5];
  return Array.from({ length: frames }, (_, k) => Math.min(1, (16 * k) / (15 * fps)));
}

/** Where the camera is: a point X of the scene, relative to the centre, is seen at z (X - (x, 0)). */
export function cameraAt(camera: Camera | '', p: number, s: number): { z: number; x: number } {
  if (camera === 'zooms in') return { z: 1 + (ZOOM - 1) * p, x: 0 };
  if (camera === 'zooms out') return { z: 1 / (1 + (ZOOM - 1) * p), x: 0 };
  if (camera === '') return { z: 1, x: 0 };
  return { z: 1, x: PAN * s * p * (camera === 'pans left' ? -1 : 1) };
}

/** Whether a scene was never trained on: one of its shapes' triples, or a word whose letters' codes sum to 7 n. */
export function heldOut({ things, background: [background] }: Scene): boolean {
  return things.some(({ text, colour, shape, motion, size }) => {
    if (text !== '') return [...text].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 7 === 0;
    if (motion === '' || shape === '' || !isColour(colour)) return false;
    const plain = background === 'gradient' || background === 'checkerboard' ? 'black' : background;
    return heldOutTriple({ colour, shape, motion, background: plain, size });
  });
}

const isColour = (colour: WordColour): colour is keyof typeof COLOURS => Object.hasOwn(COLOURS, colour);

/** The colour of a word that says none. */
export const defaultInk = (background: Background): WordColour =>
  background === 'white' || background === 'gray' ? 'black' : 'white';

/** The standard form of a caption. */
export function caption(scene: Scene): string {
  const things = scene.things.map((thing) => thingWords(thing, scene, thing.size, thing.motion));
  const text = `${things.join(' and ')} on ${backgroundWords(scene.background)}`;
  return scene.camera === '' ? text : `${text}, the camera ${scene.camera}`;
}

/** A thing in words, its size and motion as given. */
export function thingWords(thing: Thing, { background }: Scene, size: string, motion: string): string {
  const { text, colour, shape } = thing;
  const said = (words: readonly string[]) => words.filter((word) => word !== '').join(' ');
  if (text === '') {
    const words = said([size, colour, shape]);
    return said([article(words), words, motion]);
  }
  const byDefault = background.length === 1 && colour === defaultInk(background[0]);
  return said(['the', size, byDefault ? '' : colour, 'word', `"${text}"`, motion]);
}

/** A background in words. */
export function backgroundWords(background: Backdrop): string {
  if (background.length === 1) return `${article(background[0])} ${background[0]} background`;
  const [pattern, first, second] = background;
  return `${article(first)} ${first} ${pattern === 'gradient' ? 'to' : 'and'} ${second} ${pattern} background`;
}

/** The colours of a background, one or two. */
export function coloursOf(background: Backdrop): readonly [Rgb, Rgb] {
  const [first, second] = background.length === 1 ? [background[0], background[0]] : background.slice(1);
  return [BACKGROUNDS[first as Background], BACKGROUNDS[second as Background]];
}
