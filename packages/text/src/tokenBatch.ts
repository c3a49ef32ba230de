// What an encoder is given: the token ids of several texts of different lengths, padded to one length, on the device.

import { type Device, Tensor } from '@moviegen/tensor';

/** A batch of token ids on the device. */
export interface TokenBatch {
  /** [B, L], u32, padded at the end. */
  readonly ids: Tensor;
  /** [B], u32: tokens of each text; attention does not look beyond them. */
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
  limits: { readonly vocabSize: number; readonly padTokenId: number; readonly maxLength?: number },
): TokenBatch {
  const { vocabSize, padTokenId, maxLength = Number.POSITIVE_INFINITY } = limits;
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
