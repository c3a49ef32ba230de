// What the text encoders of a generation hand to its transformer (Movie Gen section 3.1.4). The packages of both use
// these words and neither imports the other. Not here: the encoders (@moviegen/text), the projection (@moviegen/dit).

import type { Tensor } from './tensor.ts';

/** The text encoders' names, in the order in which their tokens follow one another. */
export const TEXT_ENCODERS = ['ul2', 'metaclip', 'byt5'] as const;
/** The name of a text encoder. */
export type TextEncoderName = (typeof TEXT_ENCODERS)[number];

/** One encoder's output for a batch of texts. */
export interface EncoderStates {
  /** [B, L, width of the encoder], L the tokens of the longest text; what lies beyond a text's length has no meaning. */
  readonly states: Tensor;
  /** Tokens of each text; 0 where the encoder was given none. */
  readonly lengths: readonly number[];
}

/** The states of the encoders that were run; an absent encoder gives no tokens. */
export type TextStates = Readonly<Partial<Record<TextEncoderName, EncoderStates>>>;
