// What `moviegen judge` asks a checkpoint: a fixed list of prompts, how the video of each prompt is judged, and the rows and
// columns of the table. Another list is another function that returns a `Questionnaire`. Not here: sampling, printing.

import { EVALUATION_PROMPTS, judge, parsePrompt } from '@moviegen/evaluation';
import { InputError } from '../../errors.ts';
import type { Frames } from '../../video/frames.ts';

/** What the judge says about a video. */
export interface Answer {
  readonly right: boolean;
  /** Whether the video shows each part of the prompt; undefined where the prompt does not mention the part. */
  readonly parts: Readonly<Record<string, boolean | undefined>>;
  /** What was seen, in words for a person. */
  readonly words: string;
  /** The verdict, for JSON. */
  readonly record: Readonly<Record<string, unknown>>;
}

/** A prompt of the list. */
export interface Question {
  /** The name of the video's file. */
  readonly name: string;
  readonly prompt: string;
  readonly seed: number;
  /** Titles of the table's rows in which the prompt counts. */
  readonly rows: readonly string[];
  judge(frames: Frames): Answer;
}

/** A list of prompts, and the shape of the table of their answers. */
export interface Questionnaire {
  /** The table's columns. */
  readonly parts: readonly string[];
  /** The titles of the table's rows, by the name of each in the JSON. */
  readonly rows: Readonly<Record<string, string>>;
  readonly questions: readonly Question[];
}

/** Every nth of a list. @throws InputError where `every` is not a positive integer. */
export function everyNth<T>(list: readonly T[], every: number): T[] {
  if (!Number.isSafeInteger(every) || every < 1)
    throw new InputError(`judge: every must be an integer of at least 1, got ${every}`);
  return list.filter((_, i) => i % every === 0);
}

/** The fixed prompts of shapes world; prompt i is sampled with seed i. @param every take only every nth prompt */
export function shapesQuestions(every: number): Questionnaire {
  const all = EVALUATION_PROMPTS.map(([prompt, heldOut], seed): Question => {
    const facts = parsePrompt(prompt);
    return {
      name: String(seed).padStart(2, '0'),
      prompt,
      seed,
      rows: [heldOut ? ROWS.heldOut : ROWS.trained],
      judge(frames) {
        const verdict = judge(frames, facts);
        const { right, colour, shape, motion, background, size, seen } = verdict;
        const words = [seen.size, seen.colour, seen.shape, seen.motion, seen.background];
        return {
          right,
          parts: { right, colour, shape, motion, background, size },
          words: words.map((word) => word ?? '?').join(' '),
          record: { heldOut, ...verdict },
        };
      },
    };
  });
  return {
    parts: ['right', 'colour', 'shape', 'motion', 'background', 'size'],
    rows: ROWS,
    questions: everyNth(all, every),
  };
}

const ROWS = { trained: 'trained', heldOut: 'held out' } as const;
