// A public tokenizer from its `tokenizer.json`. The library @huggingface/tokenizers does the work; this file adds the truncation
// and the errors that it lacks, replaces two of its normalizers (normalizers.ts) and adds byte fallback (byteFallback.ts).

import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { ConfigError } from '@moviegen/tensor';
import { type Model, repairByteFallback } from './byteFallback.ts';
import { type Normalizer, repair } from './normalizers.ts';

/** What we use of the library. */
interface Inner {
  readonly normalizer: Normalizer | null;
  readonly model: Model | null;
  encode(text: string, options?: { add_special_tokens?: boolean }): { readonly ids: readonly number[] };
}

/** What we read of a `tokenizer.json`. */
interface TokenizerJson {
  readonly model?: unknown;
  readonly added_tokens?: readonly { readonly id: number }[];
}

/** Turns a text into token ids. */
export class Tokenizer {
  /** One more than the highest id that it gives: an encoder's token table has no fewer rows. */
  readonly size: number;
  readonly #inner: Inner;

  /**
   * @param json the parsed `tokenizer.json`; its own truncation and padding are not used
   * @param config the parsed `tokenizer_config.json`, where there is one
   * @throws ConfigError where `json` is not a tokenizer, or is of an unknown kind
   */
  constructor(json: unknown, config: unknown = {}) {
    const given = json as TokenizerJson | null;
    if (
      typeof given !== 'object' ||
      given === null ||
      typeof given.model !== 'object' ||
      given.model === null
    ) {
      throw new ConfigError('tokenizer: this is not a tokenizer.json: expected an object with a model');
    }
    try {
      const inner: Inner = new HuggingFaceTokenizer(given, (config ?? {}) as object);
      repair(inner.normalizer);
      if (inner.model !== null) repairByteFallback(inner.model);
      this.#inner = inner;
      this.size = 1 + highestId(given);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigError(`tokenizer: this tokenizer.json cannot be used: ${message}`, { cause });
    }
  }

  /**
   * The ids of a text with its start and end tokens.
   * @param maxLength tokens at most: the text is cut, its start and end tokens stay, as the original library does
   */
  encode(text: string, maxLength = Number.POSITIVE_INFINITY): number[] {
    const whole = this.#inner.encode(text).ids;
    if (whole.length <= maxLength) return [...whole];
    const content = this.#inner.encode(text, { add_special_tokens: false }).ids;
    const added = whole.length - content.length;
    if (maxLength < added) {
      throw new Error(`tokenizer: got a length of ${maxLength}, expected at least the ${added} added tokens`);
    }
    let start = 0;
    while (start < added && content.some((id, i) => whole[start + i] !== id)) start++;
    const kept = content.slice(0, maxLength - added);
    return [...whole.slice(0, start), ...kept, ...whole.slice(start + content.length)];
  }
}

/** The highest id of a vocabulary, which is a list or a map, and of the tokens added to it. */
function highestId({ model, added_tokens: added = [] }: TokenizerJson): number {
  const { vocab = [] } = model as { readonly vocab?: readonly unknown[] | Readonly<Record<string, number>> };
  const ids = Array.isArray(vocab) ? [vocab.length - 1] : Object.values(vocab as Record<string, number>);
  return [...ids, ...added.map(({ id }) => id)].reduce((most, id) => Math.max(most, id), -1);
}
