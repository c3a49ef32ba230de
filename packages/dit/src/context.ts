// What the DiT attends to besides the video: the text encoders' states, each through its own linear and
// LayerNorm to the model's width, one after the other along the sequence (Movie Gen section 3.1.4).

import { cast, concat, embedding, layerNorm, linear, Tensor } from '@moviegen/tensor';
import { type DiTConfig, TEXT_ORDER, type TextEncoderName } from './config.ts';
import type { Trace } from './trace.ts';

/** One encoder's output for a batch of prompts. */
export interface EncoderStates {
  /** [B, L, width of the encoder]; what is beyond a prompt's length is never looked at. */
  readonly states: Tensor;
  /** Tokens of each prompt; 0 where the encoder has nothing to say. */
  readonly lengths: readonly number[];
}

/** The states of the encoders that were run; an encoder that is absent gives no tokens. */
export type TextStates = Readonly<Partial<Record<TextEncoderName, EncoderStates>>>;

/** A batch of prompts in the model's width. */
export interface EmbeddedText {
  /** [B, L, D]: the tokens of each prompt at the front, in the order UL2, MetaCLIP, ByT5; zeros behind. */
  readonly text: Tensor;
  /** Tokens of each prompt. */
  readonly lengths: readonly number[];
}

/** The text of one generation: keys and values of every layer's cross-attention, computed once. */
export interface Context {
  /** B. */
  readonly batch: number;
  /** A layer each; undefined where no prompt has a token. */
  readonly layers: readonly LayerText[] | undefined;
  /** Releases it. */
  dispose(): void;
}

/** What one layer's cross-attention needs of the text. */
export interface LayerText {
  /** [B, L, 2D]: keys, then values. */
  readonly keysValues: Tensor;
  /** [B], u32. */
  readonly lengths: Tensor;
}

/** Projects and packs the text. Weights by their names below `text_proj.` */
export function embedText(
  text: TextStates,
  weight: (name: string) => Tensor,
  config: DiTConfig,
  trace?: Trace,
): EmbeddedText {
  const given = TEXT_ORDER.flatMap((name) => {
    const states = text[name];
    return states === undefined ? [] : [{ name, ...states }];
  });
  if (given.length === 0)
    throw new Error(
      'dit: text is empty; give at least one encoder its states, with lengths of 0 where there are none',
    );
  const B = given[0]!.lengths.length;
  for (const part of given) check(part.name, part, B, config);

  const lengths = Array.from({ length: B }, (_, b) => given.reduce((sum, part) => sum + part.lengths[b]!, 0));
  const L = Math.max(1, ...lengths);

  // Every encoder's tokens in one table; `order` says which of its rows stands where in the packed sequence.
  const order = new Map<number, number>();
  const filled = new Array<number>(B).fill(0);
  const tables: Tensor[] = [];
  let firstRow = 0;
  const { device } = given[0]!.states;
  const { dtype } = weight(`${given[0]!.name}.linear.weight`);
  for (const { name, states, lengths } of given) {
    const rows = states.shape[1]!;
    if (rows === 0 || Math.max(...lengths) === 0) continue;
    const linearPart = { weight: weight(`${name}.linear.weight`), bias: weight(`${name}.linear.bias`) };
    const norm = { weight: weight(`${name}.norm.weight`), bias: weight(`${name}.norm.bias`), eps: 1e-5 };
    const projected = linear(cast(states, dtype), linearPart.weight, { bias: linearPart.bias }); // [B, L_e, D]
    trace?.(`text_proj.${name}.linear`, projected);
    const normed = layerNorm(projected, norm);
    trace?.(`text_proj.${name}.norm`, normed);
    trace?.(`text_proj.${name}`, normed);
    tables.push(normed.reshape([B * rows, config.hiddenSize]));
    for (let b = 0; b < B; b++)
      for (let i = 0; i < lengths[b]!; i++) order.set(b * L + filled[b]!++, firstRow + b * rows + i);
    firstRow += B * rows;
  }
  if (tables.length === 0) return { text: Tensor.zeros(device, [B, L, config.hiddenSize], dtype), lengths };
  const table = concat(tables, { axis: 0 });
  const ids = Uint32Array.from({ length: B * L }, (_, place) => order.get(place) ?? firstRow); // past the table: zeros
  return { text: embedding(table, Tensor.from(device, ids, [B, L])), lengths };
}

/** @throws where the text is not [B, L, D] with B lengths that fit. */
export function checkText(text: Tensor, lengths: readonly number[], { hiddenSize }: DiTConfig): void {
  const [B = 0, L = 0, D] = text.shape;
  if (text.rank !== 3 || D !== hiddenSize)
    throw new Error(`dit: text must be [B, L, ${hiddenSize}], got [${text.shape.join(', ')}]`);
  if (lengths.length !== B || lengths.some((length) => !Number.isInteger(length) || length < 0 || length > L))
    throw new Error(`dit: textLengths must be ${B} integers from 0 to ${L}, got [${lengths.join(', ')}]`);
}

/** Of prompts that have no token. */
export const emptyContext = (batch: number): Context => ({ batch, layers: undefined, dispose() {} });

/** @param keysValues a layer each; the context's from here on. */
export function contextOf(lengths: readonly number[], keysValues: readonly Tensor[]): Context {
  const shared = Tensor.from(keysValues[0]!.device, Uint32Array.from(lengths));
  return {
    batch: lengths.length,
    layers: keysValues.map((each) => ({ keysValues: each, lengths: shared })),
    dispose: () => {
      for (const each of keysValues) each.dispose();
      shared.dispose();
    },
  };
}

function check(
  name: TextEncoderName,
  { states, lengths }: EncoderStates,
  B: number,
  config: DiTConfig,
): void {
  const width = config.textDims[name];
  const shape = `[${states.shape.join(', ')}]`;
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
