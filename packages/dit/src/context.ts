// The text that the DiT attends to, and a reference picture after it. Each encoder has its own linear map and LayerNorm to the model's width; the results
// follow one another along the sequence (Movie Gen section 3.1.4).
//
// Legend: B prompts, L text tokens, D model width.

import { show } from '@moviegen/kernels';
import {
  cast,
  concat,
  type DType,
  embedding,
  LayerNorm,
  Linear,
  mul,
  observed,
  type PaddedStates,
  Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { DiTConfig } from './config.ts';
import { TaskEmbedding, type TaskRows } from './task.ts';
import { TEXT_SOURCES, type TextSourceName, type TextStates } from './textStates.ts';

/** A batch of prompts in the model's width. */
export interface EmbeddedText {
  /** [B, L, D]: the tokens of each prompt at the front, in the order UL2, MetaCLIP, ByT5, vision; zeros after them. */
  readonly text: Tensor;
  /** Tokens of each prompt. */
  readonly lengths: readonly number[];
  /** [B, D], what the prompts' tasks add to the embedded time; absent where there are none. */
  readonly taskTime?: Tensor | undefined;
}

/** The text of one generation: keys and values of every block's cross-attention, computed once. */
export interface Context {
  /** B. */
  readonly batch: number;
  /** One per block; undefined where no prompt has a token. */
  readonly layers: readonly LayerText[] | undefined;
  /** [B, D], in the model's type: see `EmbeddedText`. */
  readonly taskTime?: Tensor | undefined;
  /** Releases it. */
  dispose(): void;
}

/** What the cross-attention of one block needs of the text. */
export interface LayerText {
  /** [B, L, 2D]: keys, then values. */
  readonly keysValues: Tensor;
  /** [B], u32. */
  readonly lengths: Tensor;
}

/** `text_proj`: projects every encoder's states to the model's width and packs each prompt's tokens at the front. */
export class TextEmbedder {
  readonly #config: DiTConfig;
  readonly #dtype: DType;
  readonly #tasks: TaskEmbedding | undefined;
  readonly #projections = new Map<TextSourceName, TextProjection>();

  /** @param dtype the model's type, to which states are cast. */
  constructor(weights: WeightBook, config: DiTConfig, dtype: DType) {
    this.#config = config;
    this.#dtype = dtype;
    if (config.tasks.length > 0) this.#tasks = new TaskEmbedding(weights, config);
    for (const name of TEXT_SOURCES)
      if (config.textDims[name] !== undefined)
        this.#projections.set(name, new TextProjection(weights, `text_proj.${name}`));
  }

  /** @throws Error where states and lengths do not fit the model, or one another. */
  forward(text: TextStates, tasks?: TaskRows): EmbeddedText {
    const given = TEXT_SOURCES.flatMap((name) => {
      const states = text[name];
      return states === undefined ? [] : [{ name, ...states }];
    });
    if (given.length === 0)
      throw new Error(
        'dit: text is empty; give at least one encoder its states, with lengths of 0 where there are none',
      );
    const B = given[0]!.lengths.length;
    if (tasks && tasks.length !== B)
      throw new Error(`dit: tasks of ${B} prompts expected, got ${tasks.length}`);
    const asked = tasks?.some((row) => row !== undefined) ?? false;
    if (asked && !this.#tasks) throw new Error('dit: this model knows no tasks');
    const task = asked ? this.#tasks!.forward(tasks!) : undefined;
    for (const part of given) check(part.name, part, B, this.#config);
    const spoken = given.filter((part) => Math.max(...part.lengths) > 0);
    const projected = spoken.map(({ name, states }) =>
      this.#projections.get(name)!.forward(cast(states, this.#dtype)),
    ); // [B, L_e, D] each
    // A task's tokens follow the text, without a norm.
    const parts = [...spoken, ...(task ? [task.tokens] : [])];
    const tokens = [...projected, ...(task ? [task.tokens.states] : [])];
    const packed =
      parts.length === 0
        ? Tensor.zeros(given[0]!.states.device, [B, 1, this.#config.hiddenSize], this.#dtype)
        : packTokens(tokens, parts);
    const lengths = Array.from({ length: B }, (_, b) => tokensOf(parts, b));
    return { text: observed('text.packed', packed), lengths, taskTime: task?.time };
  }
}

/** Tokens of prompt b in all encoders. */
const tokensOf = (parts: readonly { readonly lengths: readonly number[] }[], b: number): number =>
  parts.reduce((sum, { lengths }) => sum + lengths[b]!, 0);

/** One encoder's states to the model's width: linear map, then LayerNorm. */
class TextProjection {
  readonly #linear: Linear; // [D, width of the encoder]
  readonly #norm: LayerNorm;

  constructor(weights: WeightBook, path: string) {
    this.#linear = new Linear(weights, `${path}.linear`);
    this.#norm = new LayerNorm(weights, `${path}.norm`, 1e-5, path);
  }

  forward(states: Tensor): Tensor {
    return this.#norm.forward(this.#linear.forward(states)); // [B, L, D]
  }
}

/** Each prompt's tokens of all encoders one after the other, then zeros: [B, L, D]. */
function packTokens(projected: readonly Tensor[], parts: readonly PaddedStates[]): Tensor {
  const [B, , D] = projected[0]!.shape as [number, number, number];
  const L = Math.max(...Array.from({ length: B }, (_, b) => tokensOf(parts, b)));
  // Every encoder's tokens in one table; `order` says which of its rows stands where in the packed sequence.
  const table = concat(
    projected.map((each) => each.reshape([-1, D])),
    { axis: 0 },
  );
  const order = new Uint32Array(B * L).fill(table.shape[0]!); // a row past the table: zeros
  const filled = new Array<number>(B).fill(0);
  let first = 0;
  for (const { states, lengths } of parts) {
    const rows = states.shape[1]!;
    for (let b = 0; b < B; b++)
      for (let i = 0; i < lengths[b]!; i++) order[b * L + filled[b]!++] = first + b * rows + i;
    first += B * rows;
  }
  return embedding(table, Tensor.from(table.device, order, [B, L]));
}

/** @throws where the text is not [B, L, D] with B lengths that fit. */
export function checkText(text: Tensor, lengths: readonly number[], { hiddenSize }: DiTConfig): void {
  const [B = 0, L = 0, D] = text.shape;
  if (text.rank !== 3 || D !== hiddenSize)
    throw new Error(`dit: text must be [B, L, ${hiddenSize}], got ${show(text.shape)}`);
  if (lengths.length !== B || lengths.some((length) => !Number.isInteger(length) || length < 0 || length > L))
    throw new Error(`dit: textLengths must be ${B} integers from 0 to ${L}, got ${show(lengths)}`);
}

/**
 * @param taskTime is copied.
 * @param keysValues gives one tensor per block, which the context owns; called only where a prompt has a token.
 */
export function contextOf(
  { lengths, taskTime }: Omit<EmbeddedText, 'text'>,
  keysValues: () => readonly Tensor[],
): Context {
  if (Math.max(...lengths) === 0) return { batch: lengths.length, layers: undefined, dispose() {} };
  const blocks = keysValues();
  const time = taskTime && mul(taskTime, 1);
  const shared = Tensor.from(blocks[0]!.device, Uint32Array.from(lengths));
  return {
    batch: lengths.length,
    layers: blocks.map((each) => ({ keysValues: each, lengths: shared })),
    taskTime: time,
    dispose: () => {
      for (const each of blocks) each.dispose();
      shared.dispose();
      time?.dispose();
    },
  };
}

function check(name: TextSourceName, { states, lengths }: PaddedStates, B: number, config: DiTConfig): void {
  const width = config.textDims[name];
  const shape = show(states.shape);
  if (width === undefined)
    throw new Error(
      `dit: this model has no text encoder ${name}; its config lists ${Object.keys(config.textDims).join(', ')}`,
    );
  if (states.shape.length !== 3 || states.shape[2] !== width)
    throw new Error(`dit: states of ${name} must be [B, L, ${width}], got ${shape}`);
  if (states.shape[0] !== B || lengths.length !== B)
    throw new Error(
      `dit: text of ${B} prompts expected, got ${name} states ${shape} and ${lengths.length} lengths`,
    );
  const bad = lengths.find((length) => !Number.isInteger(length) || length < 0 || length > states.shape[1]!);
  if (bad !== undefined)
    throw new Error(`dit: a length of ${name} must be an integer from 0 to ${states.shape[1]}, got ${bad}`);
}
