// Votes, one JSON line each: they are only ever appended, also to take one back. What a rater is shown next follows from them, so a
// page that is loaded anew goes on where it was.

import { philoxWords } from '@moviegen/kernels';
import type { Axis } from './axes.ts';

/** What was found better. */
export type Choice = 'A' | 'tie' | 'B';

/** What a vote is about: a rater judges a pair on an axis; in round 1 for the second time. */
export interface Question {
  readonly rater: string;
  readonly axis: string;
  /** The number of the pair, from 0. */
  readonly pair: number;
  readonly round: number;
}

/** A line: a vote, or with `undo` the taking back of the vote on the same question. */
export interface VoteLine extends Question {
  readonly prompt: string;
  readonly choice?: Choice;
  /** Which one stood left. */
  readonly left?: 'A' | 'B';
  readonly undo?: true;
  /** ISO 8601. */
  readonly time: string;
}

/** A vote that counts. */
export interface Vote extends Question {
  readonly choice: Choice;
}

const keyOf = ({ rater, axis, pair, round }: Question): string => JSON.stringify([rater, axis, pair, round]);

/** A comparison's votes. */
export class Votes {
  readonly #prompts: readonly string[];
  readonly #axes: readonly Axis[];
  readonly #rounds: number;
  readonly #seed: number;
  /** The last vote on each question, in the order of voting. */
  readonly #votes = new Map<string, Vote>();
  readonly #questions = new Map<string, readonly Question[]>();

  /** @param rounds 2 where every pair is to be judged twice, which tells how far a rater strays by himself */
  constructor(prompts: readonly string[], axes: readonly Axis[], { rounds = 1, seed = 0 } = {}) {
    this.#prompts = prompts;
    this.#axes = axes;
    this.#rounds = rounds;
    this.#seed = seed;
  }

  /** Takes the lines of a file: what is torn or is not of these prompts is passed over. @returns how many were passed over */
  read(text: string): number {
    let passed = 0;
    for (const line of text.split('\n')) {
      if (line.trim() === '') continue;
      const parsed = lineOf(line);
      if (parsed === undefined || this.#prompts[parsed.pair] !== parsed.prompt) passed++;
      else this.add(parsed);
    }
    return passed;
  }

  /** Takes a line. */
  add(line: VoteLine): void {
    const { rater, axis, pair, round, choice } = line;
    const key = keyOf(line);
    this.#votes.delete(key);
    if (choice !== undefined) this.#votes.set(key, { rater, axis, pair, round, choice });
  }

  /** The votes that count. */
  all(): Vote[] {
    return [...this.#votes.values()];
  }

  /** The questions of a rater in his own order, one axis after the other. */
  questionsOf(rater: string): readonly Question[] {
    const known = this.#questions.get(rater);
    if (known !== undefined) return known;
    const questions: Question[] = [];
    for (let round = 0; round < this.#rounds; round++)
      for (const { id: axis } of this.#axes) {
        const order = this.#prompts.map((_, pair) => ({
          pair,
          word: this.#word({ rater, axis, pair, round }, 1),
        }));
        order.sort((a, b) => a.word - b.word || a.pair - b.pair);
        for (const { pair } of order) questions.push({ rater, axis, pair, round });
      }
    this.#questions.set(rater, questions);
    return questions;
  }

  /** The first question that a rater has not answered; undefined where all are. */
  next(rater: string): Question | undefined {
    return this.questionsOf(rater).find((question) => !this.#votes.has(keyOf(question)));
  }

  /** How many of his questions a rater has answered. */
  progress(rater: string): { readonly done: number; readonly total: number } {
    const questions = this.questionsOf(rater);
    const done = questions.filter((question) => this.#votes.has(keyOf(question))).length;
    return { done, total: questions.length };
  }

  /** The last vote of a rater. */
  lastOf(rater: string): Vote | undefined {
    return this.all().findLast((vote) => vote.rater === rater);
  }

  /** Which one stands left. */
  leftOf(question: Question): 'A' | 'B' {
    return this.#word(question, 2) % 2 === 0 ? 'A' : 'B';
  }

  #word({ rater, axis, pair, round }: Question, purpose: number): number {
    return philoxWords(1, {
      seed: this.#seed,
      stream: [64 + purpose, hashOf(`${rater}\0${axis}\0${round}`)],
      start: pair,
    })[0]!;
  }
}

function lineOf(text: string): VoteLine | undefined {
  let line: Partial<VoteLine> | null;
  try {
    line = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { rater, axis, pair, round, prompt, choice, undo } = line ?? {};
  const whole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  const voted = choice === 'A' || choice === 'B' || choice === 'tie';
  const is = typeof rater === 'string' && typeof axis === 'string' && typeof prompt === 'string';
  return is && whole(pair) && whole(round) && voted !== (undo === true) ? (line as VoteLine) : undefined;
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
