// The judge against the one in Python: the same clips to the byte, the same verdicts.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  caption,
  draw,
  EVALUATION_PROMPTS,
  type Facts,
  heldOut,
  judge,
  parsePrompt,
  type TimedClip,
  type Verdict,
} from '@moviegen/evaluation';
import { describe, expect, test } from 'vitest';

interface Case {
  facts: Facts;
  caption: string;
  held_out: boolean;
  offset: [number, number];
  frames: number[];
  noise: number;
  seed: number;
  sha256: string;
  verdict: Omit<Verdict, 'size'> & { size: boolean | null };
}

// reference/make_judge_cases.py
const { cases, prompts } = JSON.parse(readFileSync(new URL('./judge.json', import.meta.url), 'utf8')) as {
  cases: Case[];
  prompts: { prompt: string; held_out: boolean; facts: Facts }[];
};

/** The clip of a case: its frames in the order given, and what the Python's small generator adds. */
function clipOf({ facts, offset, frames, noise, seed }: Case): TimedClip {
  const drawn = draw(facts, offset);
  const [, H, W] = drawn.shape;
  const values = H * W * 3;
  const data = new Uint8Array(frames.length * values);
  for (const [i, k] of frames.entries())
    data.set(drawn.data.subarray(k * values, (k + 1) * values), i * values);
  let state = seed;
  for (let i = 0; noise > 0 && i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const added = Math.floor(((state >>> 24) * noise) / 255) - Math.floor(noise / 2);
    data[i] = Math.min(255, Math.max(0, data[i]! + added));
  }
  return { data, shape: [frames.length, H, W, 3], fps: drawn.fps };
}

describe('shapes world', () => {
  test('draws the clips of the reference to the byte and judges them alike', () => {
    for (const one of cases) {
      const clip = clipOf(one);
      const { verdict } = one;
      expect(createHash('sha256').update(clip.data).digest('hex'), one.caption).toBe(one.sha256);
      const { size, measures, seen, ...parts } = judge(clip, one.facts);
      const words = Object.entries(verdict.seen).filter(([, word]) => word !== null);
      expect({ ...parts, size: size ?? null, seen }, one.caption).toEqual({
        ...{ right: verdict.right, colour: verdict.colour, shape: verdict.shape, motion: verdict.motion },
        ...{ background: verdict.background, size: verdict.size, seen: Object.fromEntries(words) },
      });
      expect(Object.keys(measures).sort()).toEqual(Object.keys(verdict.measures).sort());
      for (const [name, value] of Object.entries(verdict.measures)) {
        expect(Math.abs(measures[name]! - value), `${one.caption}: ${name}`).toBeLessThan(1e-4);
      }
    }
    expect(cases.filter(({ verdict }) => verdict.right).length).toBeGreaterThan(10);
    expect(cases.filter(({ verdict }) => !verdict.right).length).toBeGreaterThan(10);
  });

  test('words captions and knows what is held out', () => {
    for (const { facts, caption: text, held_out } of cases) {
      expect(caption(facts)).toBe(text);
      expect(heldOut(facts)).toBe(held_out);
      expect(parsePrompt(text)).toEqual(facts);
    }
  });

  test('holds the fixed list of prompts and reads each of them', () => {
    expect(EVALUATION_PROMPTS).toEqual(prompts.map(({ prompt, held_out }) => [prompt, held_out]));
    for (const { prompt, facts } of prompts) expect(parsePrompt(prompt), prompt).toEqual(facts);
    for (const { held_out, facts } of prompts) expect(heldOut(facts)).toBe(held_out);
  });

  test('refuses a prompt that says nothing of a kind, or two', () => {
    expect(() => parsePrompt('a circle grows on a black background')).toThrow(
      'shapes world: "a circle grows on a black background" says nothing as colour; expected one',
    );
    expect(() => parsePrompt('a red circle and a red square grow')).toThrow('circle and square as shape');
  });
});
