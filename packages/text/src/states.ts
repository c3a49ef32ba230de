// What an encoder is made of, what goes into it and what comes out: files; token ids of several texts, of differing length; states of them all.

import { type Device, Tensor, type WeightSource } from '@moviegen/tensor';

/** The files of one encoder: the parsed `config.json`, and the weights. */
export interface EncoderFiles {
  readonly config: unknown;
  readonly weights: WeightSource;
}

/** One encoder's output for a batch of texts. */
export interface EncoderStates {
  /** [B, L, width of the encoder], L the longest text's tokens; what is beyond a text's length means nothing. */
  readonly states: Tensor;
  /** Tokens of each text. */
  readonly lengths: readonly number[];
}

/** A batch of token ids on the device. */
export interface TokenBatch {
  /** [B, L], u32, padded at the end. */
  readonly ids: Tensor;
  /** [B], u32: tokens of each text, which attention does not look beyond. */
  readonly lengths: Tensor;
  readonly L: number;
}

/**
 * Pads and uploads token ids.
 * @throws Error where there are none, or an id is not in the vocabulary, or a text is longer than `maxLength`.
 */
export function tokenBatch(
  device: Device,
  op: string,
  texts: readonly (readonly number[])[],
  {
    vocabSize,
    padTokenId,
    maxLength = Number.POSITIVE_INFINITY,
  }: {
    readonly vocabSize: number;
    readonly padTokenId: number;
    readonly maxLength?: number;
  },
): TokenBatch {
  const B = texts.length;
  const L = Math.max(0, ...texts.map((text) => text.length));
  if (L === 0) throw new Error(`${op}: no tokens: got ${B} texts, expected at least one with a token`);
  if (L > maxLength) throw new Error(`${op}: too long: got ${L} tokens, expected at most ${maxLength}`);
  const ids = new Uint32Array(B * L).fill(padTokenId);
  for (const [b, text] of texts.entries()) {
    for (const [i, id] of text.entries()) {
      if (!(Number.isInteger(id) && id >= 0 && id < vocabSize)) {
        throw new Error(`${op}: token ${i} of text ${b} is ${id}, expected an integer below ${vocabSize}`);
      }
      ids[b * L + i] = id;
    }
  }
  const lengths = Uint32Array.from(texts, (text) => text.length);
  return { ids: Tensor.from(device, ids, [B, L]), lengths: Tensor.from(device, lengths), L };
}
