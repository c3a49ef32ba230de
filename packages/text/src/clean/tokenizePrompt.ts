// A prompt as the token ids of a text encoder that sees it cleaned, such as Wan's umT5.

import type { Tokenizer } from '../tokenizer.ts';
import { cleanPrompt } from './cleanPrompt.ts';

/** The ids of a prompt. */
export interface TokenizedPrompt {
  /** At most as many as the encoder reads; the end token is always the last. */
  readonly ids: readonly number[];
  /** Tokens of the whole prompt: more than there are ids where some were dropped (`droppedNote` tells it to people). */
  readonly tokens: number;
}

/**
 * Cleans a prompt ({@link cleanPrompt}) and turns it into ids. An empty prompt is its end token alone.
 * @param maxLength tokens that the encoder reads, the end token included
 */
export function tokenizePrompt(tokenizer: Tokenizer, prompt: string, maxLength = 512): TokenizedPrompt {
  const cleaned = cleanPrompt(prompt);
  const ids = tokenizer.encode(cleaned, maxLength);
  const tokens = ids.length < maxLength ? ids.length : tokenizer.encode(cleaned).length;
  return { ids, tokens };
}
