// Shapes world, the small world of the shipped checkpoint: what its prompts say, and the drawing of a true clip.
// It draws the same bytes as reference/moviegen_reference/world.py. Not here: judging (judge.ts), other wordings
// (wordings.ts).
//
// Coordinates are pixels, origin top left, y down; pixel (x, y) covers [x - 1/2, x + 1/2] x [y - 1/2, y + 1/2].

import type { TimedClip } from '../clip.ts';

/** Side of the canvas, in pixels. */
export const SIZE = 64;
/** Frames of a clip. */
export const FRAMES = 16;
/** Frames per second. */
export const FPS = 16;
/** The canvas's middle, in pixels. */
export const CENTRE = 31.5;
/** Samples of a pixel along each side. */
export const SAMPLES = 4;
/** Pixels by which a path is shifted, at most. */
export const OFFSET = 4;

/** A colour, 0 .. 255. */
export type Rgb = readonly [number, number, number];

export const COLOURS = {
  red: [230, 40, 40],
  green: [40, 180, 70],
  blue: [40, 90, 230],
  yellow: [245, 215, 45],
  purple: [150, 60, 200],
  orange: [245, 140, 30],
  cyan: [50, 205, 220],
  pink: [250, 130, 190],
} as const satisfies Record<string, Rgb>;
export const BACKGROUNDS = {
  black: [16, 16, 16],
  white: [240, 240, 240],
  gray: [128, 128, 128],
  navy: [20, 25, 80],
} as const satisfies Record<string, Rgb>;
export const SHAPES = ['circle', 'square', 'triangle', 'star', 'cross'] as const;
export const RADII = { small: 8, '': 11, big: 15 } as const;
export const MOTIONS = [
  'moves right',
  'moves left',
  'moves up',
  'moves down',
  'stays still',
  'grows',
  'shrinks',
  'circles clockwise',
  'circles counterclockwise',
] as const;

/** The colour of the shape: `red`, `green`, ... */
export type Colour = keyof typeof COLOURS;
/** The colour of the background: `black`, `white`, `gray`, `navy`. */
export type Background = keyof typeof BACKGROUNDS;
/** The kind of shape: `circle`, `square`, ... */
export type Shape = (typeof SHAPES)[number];
/** The size of the shape. */
export type Size = keyof typeof RADII;
/** How the shape moves, in the words of a prompt: `moves right`, `grows`, ... */
export type Motion = (typeof MOTIONS)[number];

/** What a prompt says. */
export interface Facts {
  readonly colour: Colour;
  readonly shape: Shape;
  readonly motion: Motion;
  readonly background: Background;
  /** `''` where the prompt has no word for it, or the motion sets the size. */
  readonly size: Size;
}

const TRAVEL = 28;
const ORBIT = 14;
const SMALLEST = 6;
const LARGEST = 16;
const DIRECTIONS: Readonly<Partial<Record<Motion, readonly [number, number]>>> = {
  'moves right': [1, 0],
  'moves left': [-1, 0],
  'moves up': [0, -1],
  'moves down': [0, 1],
};

/** Where the object's centre is, relative to the canvas centre, and its size. */
export interface Pose {
  readonly x: number;
  readonly y: number;
  readonly r: number;
}

/** A motion's path without the start offset, frame by frame. */
export function path(motion: Motion, size: Size = '', frames: number = FRAMES): Pose[] {
  return Array.from({ length: frames }, (_, k) => poseAt(motion, size, k / Math.max(frames - 1, 1)));
}

/** A motion's path at a progress from 0, the start, to 1, the end. */
function poseAt(motion: Motion, size: Size, p: number): Pose {
  const r = RADII[size];
  const direction = DIRECTIONS[motion];
  if (direction !== undefined)
    return { x: (p - 0.5) * TRAVEL * direction[0], y: (p - 0.5) * TRAVEL * direction[1], r };
  if (motion === 'grows') return { x: 0, y: 0, r: SMALLEST + (LARGEST - SMALLEST) * p };
  if (motion === 'shrinks') return { x: 0, y: 0, r: LARGEST + (SMALLEST - LARGEST) * p };
  if (motion === 'stays still') return { x: 0, y: 0, r };
  const turn = 2 * Math.PI * p * (motion === 'circles clockwise' ? 1 : -1);
  return { x: ORBIT * Math.sin(turn), y: -ORBIT * Math.cos(turn), r };
}

/** Area of each shape of size 1. */
export const AREA: Readonly<Record<Shape, number>> = {
  circle: Math.PI,
  square: (2 * 0.78) ** 2,
  triangle: (3 * Math.sqrt(3)) / 4,
  star: 5 * 0.42 * Math.sin(Math.PI / 5),
  cross: 2 * 2 * 0.7 - 0.7 ** 2,
};

const INNER_U = 0.42 * Math.cos(Math.PI / 5);
const INNER_V = 0.42 * Math.sin(Math.PI / 5);

/** Whether the point (x, y), relative to the centre, lies in the shape of size r. */
function inside(shape: Shape, x: number, y: number, r: number): boolean {
  const ax = Math.abs(x);
  const ay = Math.abs(y);
  if (shape === 'circle') return x * x + y * y <= r * r;
  if (shape === 'square') return ax <= 0.78 * r && ay <= 0.78 * r;
  if (shape === 'cross') return (ax <= r && ay <= 0.35 * r) || (ay <= r && ax <= 0.35 * r);
  if (shape === 'triangle') return y <= r / 2 && (Math.sqrt(3) / 2) * ax - y / 2 <= r / 2;
  // star: within a sector of 72 degrees about a point, left of the edge from the point to the inner corner
  const sector = (2 * Math.PI) / 5;
  const turned = Math.atan2(x, -y) + Math.PI / 5;
  const angle = Math.abs(turned - sector * Math.floor(turned / sector) - Math.PI / 5);
  const radius = Math.hypot(x, y);
  const u = radius * Math.cos(angle);
  const v = radius * Math.sin(angle);
  return (u - r) * INNER_V - v * (INNER_U - 1) <= 0;
}

/** Share of each pixel that the shape covers, in 16ths: [height, width]. The centre is in pixels from the top left. */
export function coverage(
  shape: Shape,
  cx: number,
  cy: number,
  r: number,
  height = SIZE,
  width = SIZE,
): Float64Array {
  const cover = new Float64Array(height * width);
  const [x0, x1] = [Math.max(Math.floor(cx - r) - 1, 0), Math.min(Math.ceil(cx + r) + 2, width)];
  const [y0, y1] = [Math.max(Math.floor(cy - r) - 1, 0), Math.min(Math.ceil(cy + r) + 2, height)];
  for (let y = y0; y < y1; y++)
    for (let x = x0; x < x1; x++) {
      let hits = 0;
      for (let j = 0; j < SAMPLES; j++)
        for (let i = 0; i < SAMPLES; i++) {
          const sx = x + ((i + 0.5) / SAMPLES - 0.5) - cx;
          const sy = y + ((j + 0.5) / SAMPLES - 0.5) - cy;
          if (inside(shape, sx, sy, r)) hits++;
        }
      cover[y * width + x] = hits / SAMPLES ** 2;
    }
  return cover;
}

/**
 * The clip of a prompt.
 * @param offset shift of the whole path, up to 4 pixels in x and y in this world
 * @param frames the same path in so many steps
 */
export function draw(
  facts: Facts,
  [dx, dy]: readonly [number, number] = [0, 0],
  frames: number = FRAMES,
): TimedClip {
  const covers = path(facts.motion, facts.size, frames).map(({ x, y, r }) =>
    coverage(facts.shape, CENTRE + x + dx, CENTRE + y + dy, r),
  );
  return paint(covers, COLOURS[facts.colour], facts.background);
}

/** A clip without an object. */
export function drawEmpty(background: Background, frames: number = FRAMES): TimedClip {
  const nothing = new Float64Array(SIZE * SIZE);
  return paint(new Array<Float64Array>(frames).fill(nothing), COLOURS.red, background);
}

/** Where an object is in each frame, as shares of the pixels, with a margin around it. */
export function objectCovers(
  facts: Facts,
  [dx, dy]: readonly [number, number],
  margin: number,
): Float64Array[] {
  return path(facts.motion, facts.size).map(({ x, y, r }) =>
    coverage(facts.shape, CENTRE + x + dx, CENTRE + y + dy, r + margin),
  );
}

/** The clip of shares of its pixels, [size, size] of each frame. */
export function paint(
  covers: readonly Float64Array[],
  front: Rgb,
  background: Background,
  size: number = SIZE,
): TimedClip {
  const back: Rgb = BACKGROUNDS[background];
  const data = new Uint8Array(covers.length * size * size * 3);
  for (const [k, cover] of covers.entries())
    for (let i = 0; i < size * size; i++)
      for (let c = 0; c < 3; c++)
        data[(k * size * size + i) * 3 + c] = Math.floor(back[c]! + cover[i]! * (front[c]! - back[c]!) + 0.5);
  return { data, shape: [covers.length, size, size, 3], fps: FPS };
}

/** The standard form of a caption. */
export function caption({ size, colour, shape, motion, background }: Facts): string {
  const words = [size, colour, shape].filter((word) => word !== '').join(' ');
  return `${article(words)} ${words} ${motion} on ${article(background)} ${background} background`;
}

/** `a`, or `an` before a vowel. */
export const article = (words: string): string => (/^[aeiou]/.test(words) ? 'an' : 'a');

/** Whether a prompt's colour, shape and motion are never trained on together. */
export function heldOut({ colour, shape, motion }: Facts): boolean {
  const index = Object.keys(COLOURS).indexOf(colour) + SHAPES.indexOf(shape) + MOTIONS.indexOf(motion);
  return index % 7 === 0;
}
