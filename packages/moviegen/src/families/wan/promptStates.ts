// Prompts to the states that Wan's transformer reads. The encoder is far larger than most transformers, so it never lies on the
// device as a whole: its layers pass by once for all texts of a call, and the states are kept on the host for the next call.
//
// Legend: n tokens of a text, E width of the states.

import { type Device, Tensor, type WeightSource } from '@moviegen/tensor';
import {
  droppedNote,
  type StreamT5Options,
  streamT5,
  type T5Config,
  type Tokenizer,
  tokenizePrompt,
} from '@moviegen/text';
import type { ModulePrecision } from '../../checkpoint/precision.ts';

/** Tokens of a prompt at most. */
export const TEXT_LENGTH = 512;
/** Texts whose states are kept: the negative prompt, and the last ones. */
const KEPT = 16;

/** States of one text on the host: [n, E]. */
export interface HostStates {
  readonly data: Float32Array<ArrayBuffer>;
  readonly length: number;
  readonly width: number;
}

/** The text encoder of a checkpoint, whose weights stay in their files. */
export class PromptEncoder {
  readonly #device: Device;
  readonly #source: WeightSource;
  readonly #config: T5Config;
  readonly #tokenizer: Tokenizer;
  readonly #precision: ModulePrecision;
  readonly #kept = new Map<string, HostStates>();

  /** @param source must stay open */
  constructor(
    device: Device,
    source: WeightSource,
    config: T5Config,
    tokenizer: Tokenizer,
    precision: ModulePrecision,
  ) {
    this.#device = device;
    this.#source = source;
    this.#config = config;
    this.#tokenizer = tokenizer;
    this.#precision = precision;
  }

  /**
   * The states of texts, in their order.
   * @param onProgress counts the bytes of all layers
   * @throws the signal's reason within a layer
   */
  async encode(
    texts: readonly string[],
    signal?: AbortSignal,
    onProgress?: StreamT5Options['onProgress'],
  ): Promise<HostStates[]> {
    const missing = [...new Set(texts)].filter((text) => !this.#kept.has(text));
    if (missing.length > 0) {
      const ids = missing.map((text) => tokenizePrompt(this.#tokenizer, text, TEXT_LENGTH).ids);
      const options = { ...this.#precision, ...(signal && { signal }), ...(onProgress && { onProgress }) };
      const { states, lengths } = await streamT5(this.#device, this.#source, this.#config, ids, options);
      try {
        for (const [i, one] of (await hostStates(states, lengths)).entries()) this.#keep(missing[i]!, one);
      } finally {
        states.dispose();
      }
    }
    const found = texts.map((text) => this.#kept.get(text)!);
    for (const [i, text] of texts.entries()) this.#keep(text, found[i]!); // the latest use
    while (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    return found;
  }

  /** A line where a text is longer than what is read. @param name of the text in the line */
  notes(name: string, text: string): string[] {
    const { tokens } = tokenizePrompt(this.#tokenizer, text, TEXT_LENGTH);
    return tokens > TEXT_LENGTH ? [droppedNote(name, 'umT5', tokens, TEXT_LENGTH)] : [];
  }

  #keep(text: string, states: HostStates): void {
    this.#kept.delete(text);
    this.#kept.set(text, states);
  }
}

/** Reads padded states [B, L, E] text by text. */
async function hostStates(states: Tensor, lengths: readonly number[]): Promise<HostStates[]> {
  const [, L, E] = states.shape as [number, number, number];
  const all = Float32Array.from(await states.read());
  return lengths.map((length, b) => ({
    data: all.slice(b * L * E, (b * L + length) * E),
    length,
    width: E,
  }));
}

/** States of texts as a batch on the device, [B, most tokens, E]; the caller owns them. */
export function uploadStates(
  device: Device,
  texts: readonly HostStates[],
): { readonly states: Tensor; readonly lengths: number[] } {
  const L = Math.max(...texts.map(({ length }) => length));
  const E = texts[0]!.width;
  const data = new Float32Array(texts.length * L * E);
  for (const [b, text] of texts.entries()) data.set(text.data, b * L * E);
  return {
    states: Tensor.from(device, data, [texts.length, L, E]),
    lengths: texts.map(({ length }) => length),
  };
}
