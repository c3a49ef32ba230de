// The fixed prompts that a checkpoint of scene world is judged on, by the rule of reference/moviegen_reference/scenes.py: 96 a
// kind, drawn with a seed of their own, of each three the first in another wording. Written down before there was a checkpoint.
//
// The order in which lots are drawn is part of the rule: a line moved here is another list.

import { MOTION_WORDINGS, PLACES, SIZE_WORDINGS } from '../shapesWorld/wordings.ts';
import {
  BACKGROUNDS,
  type Background,
  COLOURS,
  type Colour,
  heldOut as heldOutTriple,
  MOTIONS,
  type Motion,
  RADII,
  SHAPES,
  type Size,
} from '../shapesWorld/world.ts';
import { LETTERS } from '../video/pixelFont.ts';
import { PythonRandom } from './pythonRandom.ts';
import {
  type Backdrop,
  backgroundWords,
  CAMERAS,
  caption,
  defaultInk,
  heldOut,
  LONGEST,
  RATES,
  type Scene,
  type Thing,
  thingWords,
  WORD_MOTIONS,
} from './scenes.ts';

/** Kinds of prompts; a `triple` is shapes world's: one shape over a plain background, 16 frames of 16 a second. */
export type Kind = 'triple' | 'two' | 'word' | 'camera';

/** The sets that a checkpoint is judged on. */
export const SETS: readonly { readonly kind: Kind; readonly heldOut: boolean }[] = [
  { kind: 'triple', heldOut: false },
  { kind: 'triple', heldOut: true },
  { kind: 'two', heldOut: false },
  { kind: 'word', heldOut: false },
  { kind: 'word', heldOut: true },
  { kind: 'camera', heldOut: false },
];

/** A prompt and what it says. */
export interface Prompt {
  readonly prompt: string;
  readonly scene: Scene;
}

const SEED = 241013722;
const keys = <T extends string>(table: Readonly<Record<T, unknown>>) => Object.keys(table) as T[];
const PLAIN = { camera: '', frames: 16, fps: 16, size: [64, 64] } as const;

/** The fixed prompts of a set. Prompt i is sampled with the seeds 2 i and 2 i + 1. */
export function evaluationScenes(kind: Kind, wantHeldOut: boolean, count = 96): Prompt[] {
  const rng = new PythonRandom(`${SEED} ${kind} ${wantHeldOut ? 'True' : 'False'}`);
  const found = new Map<string, Scene>();
  while (found.size < count) {
    const scene = kind === 'triple' ? triple(rng, wantHeldOut) : randomScene(rng, kind, wantHeldOut);
    const text = found.size % 3 === 0 ? otherWording(scene, rng) : caption(scene);
    if (!found.has(text)) found.set(text, scene);
  }
  return [...found].map(([prompt, scene]) => ({ prompt, scene }));
}

function triple(rng: PythonRandom, wantHeldOut: boolean): Scene {
  for (;;) {
    const colour = rng.choice(keys(COLOURS));
    const shape = rng.choice(SHAPES);
    const motion = rng.choice(MOTIONS);
    const background = rng.choice(keys(BACKGROUNDS));
    if (heldOutTriple({ colour, shape, motion, background, size: '' }) !== wantHeldOut) continue;
    const size = sizeFor(rng, motion);
    return { things: [{ colour, motion, shape, text: '', size }], background: [background], ...PLAIN };
  }
}

const sizeFor = (rng: PythonRandom, motion: Motion): Size =>
  motion === 'grows' || motion === 'shrinks' ? '' : rng.choice(keys(RADII));

function randomScene(rng: PythonRandom, kind: Exclude<Kind, 'triple'>, wantHeldOut: boolean): Scene {
  const fps = rng.choice(RATES);
  for (;;) {
    const scene = { ...(kind === 'word' ? wordLot(rng) : shapesLot(rng, kind)), fps };
    if (heldOut(scene) === wantHeldOut) return scene;
  }
}

function wordLot(rng: PythonRandom): Scene {
  const background = rng.choice(keys(BACKGROUNDS));
  const length = 1 + rng.below(LONGEST);
  const text = Array.from({ length }, () => rng.choice([...LETTERS.keys()])).join('');
  const colour = rng.choice([...keys(COLOURS), defaultInk(background)]);
  const motion = rng.choice(WORD_MOTIONS);
  const size = length <= 2 ? rng.choice<Size>(['', 'big']) : '';
  return { ...PLAIN, things: [{ colour, motion, shape: '', text, size }], background: [background] };
}

function shapesLot(rng: PythonRandom, kind: 'two' | 'camera'): Scene {
  const plain = rng.choice(keys(BACKGROUNDS));
  const camera = kind === 'camera' ? rng.choice(CAMERAS) : '';
  const pattern = rng.choice(['gradient', 'checkerboard'] as const);
  const [first, second] = rng.sample<Background>(keys(BACKGROUNDS), 2) as [Background, Background];
  const background: Backdrop =
    camera !== '' ? ['checkerboard', first, second] : rng.random() < 0.6 ? [plain] : [pattern, first, second];
  const colours = rng.sample<Colour>(keys(COLOURS), kind === 'two' ? 2 : 1);
  const things = colours.map((colour): Thing => {
    const motion = rng.choice(camera === '' ? MOTIONS : WORD_MOTIONS);
    const size = sizeFor(rng, motion);
    return { colour, motion, shape: rng.choice(SHAPES), text: '', size };
  });
  return { ...PLAIN, things, background, camera };
}

/** The same facts in other words. */
function otherWording(scene: Scene, rng: PythonRandom): string {
  const words = scene.things.map((thing) => {
    const size = rng.choice(SIZE_WORDINGS[thing.size]);
    const { motion } = thing;
    const motionWords = motion === '' ? '' : rng.choice([motion, ...MOTION_WORDINGS[motion]]);
    return thingWords(thing, scene, size, motionWords);
  });
  const background = backgroundWords(scene.background);
  const place = rng.choice(PLACES);
  const joint = rng.choice(words.length === 2 && scene.frames > 1 ? [' and ', ' while '] : [' and ']);
  const things = words.join(joint);
  const camera = scene.camera === '' ? '' : `the camera ${scene.camera}`;
  const after = camera === '' ? '' : `, ${camera}`;
  if (rng.random() < 0.3) return restyle(`${place} ${background}, ${things}${after}`, rng);
  if (camera !== '' && rng.random() < 0.4) return restyle(`${camera}, ${things} ${place} ${background}`, rng);
  return restyle(`${things} ${place} ${background}${after}`, rng);
}

/** A capital first letter or capitals throughout, now and then, but for what stands in quotes; with a full stop or without. */
function restyle(text: string, rng: PythonRandom): string {
  const style = rng.random();
  const capitals = (part: string) => part.toUpperCase();
  const styled =
    style < 0.3 ? capitals(text.slice(0, 1)) + text.slice(1) : style < 0.4 ? capitals(text) : text;
  const ended = rng.random() < 0.4 ? `${styled}.` : styled;
  const quoted = text.split('"');
  return ended
    .split('"')
    .map((part, i) => (i % 2 === 1 ? quoted[i]! : part))
    .join('"');
}
