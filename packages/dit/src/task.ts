// A task, as an edit has one: a learned vector becomes four tokens after the text and a part of the embedded time. Without a
// task there are no tokens: even keys of zeros would draw attention.
//
// Legend: B prompts, K named tasks, E = D width of a task's vector and of the model.

import { embedding, Linear, mul, type PaddedStates, Tensor, type WeightBook } from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';

/** Tokens of a task. */
export const TASK_TOKENS = 4;

/** A row of `task_embed` per prompt: a named task, K for one that is not named; undefined where there is no task. */
export type TaskRows = readonly (number | undefined)[];

/** What tasks become. */
export interface EmbeddedTasks {
  /** [B, 4, D]. */
  readonly tokens: PaddedStates;
  /** [B, D], zeros where there is no task: added to the embedded time. */
  readonly time: Tensor;
}

/** `task_embed`, `task_tokens`, `task_time`. */
export class TaskEmbedding {
  readonly #rows: number;
  readonly #table: Tensor; // [K + 1, E]
  readonly #tokens: Linear; // [4D, E]
  readonly #time: Linear; // [D, E]

  constructor(weights: WeightBook, { tasks }: DiTConfig) {
    this.#rows = tasks.length + 1;
    this.#table = weights.get('task_embed.weight');
    this.#tokens = new Linear(weights, 'task_tokens');
    this.#time = new Linear(weights, 'task_time');
  }

  /** @throws Error where a row is not one of the table. */
  forward(tasks: TaskRows): EmbeddedTasks {
    const bad = tasks.find(
      (row) => row !== undefined && !(Number.isInteger(row) && row >= 0 && row < this.#rows),
    );
    if (bad !== undefined)
      throw new Error(`dit: a task must be a row from 0 to ${this.#rows - 1}, got ${bad}`);
    const B = tasks.length;
    const { device, dtype } = this.#table;
    const vectors = embedding(
      this.#table,
      Uint32Array.from(tasks, (row) => row ?? 0),
    ); // [B, E]
    const there = Tensor.from(
      device,
      Float32Array.from(tasks, (row) => (row === undefined ? 0 : 1)),
      [B, 1],
      { dtype },
    );
    return {
      tokens: {
        states: this.#tokens.forward(vectors).reshape([B, TASK_TOKENS, -1]),
        lengths: tasks.map((row) => (row === undefined ? 0 : TASK_TOKENS)),
      },
      time: mul(this.#time.forward(vectors), there),
    };
  }
}
