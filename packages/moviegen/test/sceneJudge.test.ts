// The judge of scene world against the one in Python: the same clips, the same verdicts; the same fixed prompts.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { judge, look, type SceneVerdict, verdictOn } from '../src/sceneWorld/judge.ts';
import { evaluationScenes, type Kind, SETS } from '../src/sceneWorld/lots.ts';
import { PythonRandom } from '../src/sceneWorld/pythonRandom.ts';
import { caption, heldOut, type Scene } from '../src/sceneWorld/scenes.ts';
import { decodePng } from '../src/video/decode.ts';
import { type Frames, frameOf, joinFrames } from '../src/video/frames.ts';
import { LETTERS } from '../src/video/pixelFont.ts';

interface Clip extends Scene {
  name: string;
  caption: string;
  held_out: boolean;
}
interface Case {
  clip: string;
  frames: number[];
  noise: number;
  seed: number;
  sha256: string;
  verdict: SceneVerdict;
}
interface PromptSet {
  kind: Kind;
  held_out: boolean;
  some: string[];
  sha256: string;
}

// reference/make_scene_cases.py
const folder = new URL('./scenes/', import.meta.url);
const { clips, cases, sets, font } = JSON.parse(readFileSync(new URL('cases.json', folder), 'utf8')) as {
  clips: Clip[];
  cases: Case[];
  sets: PromptSet[];
  font: [{ letters: string; sha256: string }];
};

/** What a case shows: frames of a clip, which lie one below the other in a PNG, and what the Python's generator adds. */
function shownIn({ frames, noise, seed }: Case, { name, size: [H, W], frames: T }: Clip): Frames {
  const image = decodePng(readFileSync(new URL(`${name}.png`, folder)), name);
  expect(image.shape).toEqual([1, T * H, W, 3]);
  const clip: Frames = { data: image.data, shape: [T, H, W, 3] };
  const shown = joinFrames(frames.map((k) => ({ data: frameOf(clip, k), shape: [1, H, W, 3] })));
  let state = seed;
  for (let i = 0; noise > 0 && i < shown.data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const added = Math.floor(((state >>> 24) * noise) / 255) - Math.floor(noise / 2);
    shown.data[i] = Math.min(255, Math.max(0, shown.data[i]! + added));
  }
  return shown;
}

/** A verdict as JSON has it: nothing is null. */
const plain = (verdict: SceneVerdict): unknown => {
  const { measures, ...seen } = verdict.seen;
  return JSON.parse(JSON.stringify({ ...verdict, seen }, (_, value) => (value === undefined ? null : value)));
};

describe.each(clips)('$name', (clip) => {
  test('is judged as the reference does, as it is and after changes', () => {
    const some = cases.filter((one) => one.clip === clip.name);
    expect(some).toHaveLength(2);
    expect(some[0]!.verdict.right).toBe(true);
    for (const one of some) {
      const shown = shownIn(one, clip);
      expect(createHash('sha256').update(shown.data).digest('hex')).toBe(one.sha256);
      const verdict = judge(shown, clip);
      expect(plain(verdict)).toEqual(plain(one.verdict));
      const { border, likeness = [], path = [] } = verdict.seen.measures;
      const wanted = one.verdict.seen.measures;
      expect(border).toBeCloseTo(wanted.border, 9);
      for (const [mine, theirs = []] of [
        [likeness, wanted.likeness],
        [path, wanted.path],
      ] as const) {
        expect(mine).toHaveLength(theirs.length);
        for (const [i, value] of mine.entries()) expect(Math.abs(value - theirs[i]!)).toBeLessThan(1e-6);
      }
    }
  });

  test('has the reference’s caption', () => {
    expect(caption(clip)).toBe(clip.caption);
    expect(heldOut(clip)).toBe(clip.held_out);
  });
});

test('other facts are wrong, each in its part alone', () => {
  const clip = clips.find(({ name }) => name === 'word-96x64x8')!;
  const seen = look(shownIn(cases.find((one) => one.clip === clip.name)!, clip));
  const [thing] = clip.things;
  const wrong = (part: keyof SceneVerdict, scene: Scene) => {
    const verdict = verdictOn(seen, scene);
    const parts = ['colour', 'shape', 'text', 'motion', 'background', 'camera'] as const;
    expect(parts.filter((one) => !verdict[one])).toEqual(part === 'fps' ? [] : [part]);
    expect(verdict.right).toBe(part === 'fps');
    if (part === 'fps') expect(verdict.fps).toBe(false);
  };
  wrong('text', { ...clip, things: [{ ...thing!, text: `${thing!.text}A` }] });
  wrong('colour', { ...clip, things: [{ ...thing!, colour: thing!.colour === 'red' ? 'blue' : 'red' }] });
  wrong('motion', {
    ...clip,
    things: [{ ...thing!, motion: thing!.motion === 'moves up' ? 'moves down' : 'moves up' }],
  });
  wrong('background', { ...clip, background: ['checkerboard', 'navy', 'gray'] });
  wrong('camera', { ...clip, camera: 'pans left' });
  wrong('fps', { ...clip, fps: 8 });
});

test.each(sets)('the fixed prompts of $kind, held out $held_out, are the reference’s', (set) => {
  const prompts = evaluationScenes(set.kind, set.held_out);
  const word = (held: boolean) => (held ? 'True' : 'False');
  const lines = prompts.map(
    ({ prompt, scene }) => `${prompt}|${caption(scene)}|${scene.fps}|${word(heldOut(scene))}`,
  );
  expect(lines.filter((_, i) => i % 12 === 0)).toEqual(set.some);
  expect(createHash('sha256').update(lines.join('\n')).digest('hex')).toBe(set.sha256);
});

test('there is a list for each set that is judged', () => {
  expect(SETS).toEqual(sets.map(({ kind, held_out }) => ({ kind, heldOut: held_out })));
});

test('letters have the reference’s glyphs', () => {
  const [{ letters, sha256 }] = font;
  expect([...LETTERS.keys()].join('')).toBe(letters);
  const hash = createHash('sha256');
  for (const glyph of LETTERS.values()) hash.update(glyph);
  expect(hash.digest('hex')).toBe(sha256);
});

test('Python’s generator: its numbers for a text', () => {
  // random.Random("moviegen"): three of random(), then randrange(10) eight times, then sample(range(20), 4)
  const rng = new PythonRandom('moviegen');
  expect([rng.random(), rng.random(), rng.random()]).toEqual(PYTHON.random);
  expect(Array.from({ length: 8 }, () => rng.below(10))).toEqual(PYTHON.below);
  expect(rng.sample([...Array(20).keys()], 4)).toEqual(PYTHON.sample);
});

const PYTHON = {
  random: [0.8031169891097083, 0.7846566728642707, 0.06377483652660398],
  below: [7, 8, 5, 6, 8, 0, 9, 9],
  sample: [4, 1, 6, 2],
};
