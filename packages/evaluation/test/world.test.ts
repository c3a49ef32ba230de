// Words, patterns and large clips of shapes world against those in Python: the same fixed sets, the same clips to the byte, the
// same verdicts on true clips, which are right without exception, and on clips with one fact changed, which are wrong. The script
// that writes the cases holds this of all samples; here a part of them is judged.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type Clip,
  draw,
  drawLarge,
  drawPattern,
  drawWord,
  judgeLetters,
  judgePattern,
  judgeUpscaled,
  type Looks,
  letterSamples,
  patternSamples,
  pictureOf,
  upscaleSamples,
  type Word,
  wordCaption,
} from '@moviegen/evaluation';
import { describe, expect, test } from 'vitest';
import { LETTERS } from '../src/shapes/letters.ts';
import { BACKGROUNDS, COLOURS, MOTIONS } from '../src/shapes/world.ts';

type Said = Readonly<Record<string, unknown>> & { readonly measures?: Readonly<Record<string, number>> };
interface Case {
  readonly sample: Readonly<Record<string, unknown>>;
  readonly changed: string;
  readonly sha256: string;
  readonly picture?: string;
  readonly true?: Said;
  readonly other?: Said;
}
// reference/make_world_cases.py
const cases: Readonly<Record<'letters' | 'reference' | 'upscale', readonly Case[]>> = JSON.parse(
  readFileSync(new URL('world.json', import.meta.url), 'utf8'),
);
const AMPLITUDE = 24;
/** Whether a sample is judged here. */
const isJudged = (i: number) => i % 8 < 2;

const sha = ({ data }: Clip) => createHash('sha256').update(data).digest('hex');

/** What every third clip gets: a small generator's top bytes, as in Python. */
function noisy<T extends Clip>(clip: T, i: number): T {
  if (i % 3 !== 0) return clip;
  let state = i;
  const data = clip.data.map((value) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const added = Math.floor(((state >>> 24) * AMPLITUDE) / 255) - AMPLITUDE / 2;
    return Math.min(255, Math.max(0, value + added));
  });
  return { ...clip, data };
}

const following = <T>(options: readonly T[], one: T): T =>
  options[(options.indexOf(one) + 1) % options.length]!;
const keys = <T extends string>(table: Readonly<Record<T, unknown>>) => Object.keys(table) as T[];

/** A verdict as Python writes it: what is undefined is not there, numbers nearly. */
function expectVerdict(
  { measures, ...verdict }: Readonly<Record<string, unknown>> & Pick<Said, 'measures'>,
  said: Said,
  title: string,
): void {
  const { measures: wanted, ...parts } = said;
  const near = (value: unknown) => (typeof value === 'number' ? expect.closeTo(value, 3) : value);
  const expected = Object.fromEntries(
    Object.entries(parts).flatMap(([name, value]) => (value === null ? [] : [[name, near(value)]])),
  );
  expect(JSON.parse(JSON.stringify(verdict)), title).toEqual(expected);
  for (const [name, value] of Object.entries(wanted ?? {}))
    expect(measures?.[name], `${title}: ${name}`).toBeCloseTo(value, 3);
}

describe('letters', () => {
  const samples = letterSamples();

  function changed(word: Word, part: string, i: number): Word {
    if (part === 'motion') return { ...word, motion: following(MOTIONS, word.motion) };
    if (part === 'background') return { ...word, background: following(keys(BACKGROUNDS), word.background) };
    if (part === 'colour') return { ...word, colour: following(keys(COLOURS), word.colour) };
    const k = i % word.text.length;
    const letter = following([...LETTERS], word.text[k]!);
    return { ...word, text: word.text.slice(0, k) + letter + word.text.slice(k + 1) };
  }

  test('the fixed set and its clips', () => {
    expect(
      samples.map(({ prompt, offset, word: { saysColour, ...word } }, seed) => ({
        ...{ seed, prompt, offset },
        word: { ...word, says_colour: saysColour },
      })),
    ).toEqual(cases.letters.map(({ sample }) => sample));
    for (const [i, { sha256 }] of cases.letters.entries()) {
      const { word, offset, prompt } = samples[i]!;
      expect(wordCaption(word)).toBe(prompt);
      expect(sha(drawWord(word, offset)), prompt).toBe(sha256);
    }
  });

  test('true words are right, another letter, motion, background or colour is wrong', () => {
    for (const [i, { changed: part, true: right, other }] of cases.letters.entries()) {
      if (!isJudged(i)) continue;
      const sample = samples[i]!;
      const { word, offset, prompt } = sample;
      expectVerdict({ ...judgeLetters(noisy(drawWord(word, offset), i), sample) }, right!, prompt);
      const wrong = drawWord(changed(word, part, i), offset);
      expectVerdict({ ...judgeLetters(noisy(wrong, i), sample) }, other!, `${prompt}: ${part}`);
    }
    expect(cases.letters.every(({ true: right, other }) => right!.right && !other!.right)).toBe(true);
  });
});

describe('reference', () => {
  const samples = patternSamples();

  function changed(looks: Looks, part: string, i: number): Looks {
    if (part === 'motion') return { ...looks, motion: following(MOTIONS, looks.motion) };
    if (part === 'background')
      return { ...looks, background: following(keys(BACKGROUNDS), looks.background) };
    return { ...looks, cells: samples[(i + 1) % samples.length]!.looks.cells };
  }

  test('the fixed set, its clips and pictures', () => {
    expect(samples.map((sample, seed) => ({ seed, ...sample }))).toEqual(
      cases.reference.map(({ sample }) => sample),
    );
    for (const [i, { sha256, picture }] of cases.reference.entries()) {
      const { looks, place, offset, prompt } = samples[i]!;
      expect(sha(drawPattern(looks, offset)), prompt).toBe(sha256);
      expect(sha(pictureOf(looks, place)), prompt).toBe(picture);
    }
  });

  test('true patterns are right, another pattern, motion or background is wrong', () => {
    for (const [i, { changed: part, true: right, other }] of cases.reference.entries()) {
      if (!isJudged(i)) continue;
      const { looks, offset, prompt } = samples[i]!;
      expectVerdict({ ...judgePattern(noisy(drawPattern(looks, offset), i), i, samples) }, right!, prompt);
      const wrong = drawPattern(changed(looks, part, i), offset);
      expectVerdict({ ...judgePattern(noisy(wrong, i), i, samples) }, other!, `${prompt}: ${part}`);
    }
    expect(cases.reference.every(({ true: right, other }) => right!.right && !other!.right)).toBe(true);
  });
});

describe('upscale', () => {
  const samples = upscaleSamples();

  /** Each pixel four times. */
  function doubled({ data, shape: [T, H, W] }: Clip): Clip {
    const large = new Uint8Array(data.length * 4);
    for (let i = 0; i < large.length; i++) {
      const [x, y] = [Math.floor(i / 3) % (2 * W), Math.floor(i / (6 * W))];
      large[i] = data[(Math.floor(y / 2) * W + Math.floor(x / 2)) * 3 + (i % 3)]!;
    }
    return { data: large, shape: [T, 2 * H, 2 * W, 3] };
  }

  test('the fixed set', () => {
    expect(samples.map((sample, seed) => ({ seed, ...sample }))).toEqual(
      cases.upscale.map(({ sample }) => sample),
    );
  });

  test('true large clips are right, those of another colour are wrong', () => {
    const judged = cases.upscale.flatMap((one, i) => (one.true ? [{ ...one, i }] : []));
    expect(judged.length).toBe(12);
    for (const { i, sha256, true: right, other } of judged.filter((_, k) => k % 3 === 0)) {
      const sample = samples[i]!;
      const { facts, offset } = sample;
      const [large, small] = [drawLarge(facts, offset), draw(facts, offset)];
      expect(sha(large), `sample ${i}`).toBe(sha256);
      const wrong = drawLarge({ ...facts, colour: following(keys(COLOURS), facts.colour) }, offset);
      for (const [video, said] of [
        [noisy(large, i), right!],
        [wrong, other!],
      ] as const) {
        const { rightBefore, ...verdict } = judgeUpscaled(video, small, doubled(small), sample);
        if (verdict.psnr === Number.POSITIVE_INFINITY) verdict.psnr = 148.1308;
        expectVerdict({ ...verdict, right_before: rightBefore }, said, `sample ${i}`);
      }
      expect([right!.right, other!.right]).toEqual([true, false]);
    }
  });
});
