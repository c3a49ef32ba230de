// What the DiT's cross-attention reads: the states of three text encoders (Movie Gen section 3.1.4), and those of a reference
// picture (section 4.1). These lists are the one place for their names and their order. Not here: the encoders (@moviegen/text),
// the projection of their states (context.ts).

import type { PaddedStates } from '@moviegen/tensor';

/** The text encoders' names, in the order in which their tokens follow one another. */
export const TEXT_ENCODERS = ['ul2', 'metaclip', 'byt5'] as const;
/** The name of a text encoder. */
export type TextEncoderName = (typeof TEXT_ENCODERS)[number];

/** The same, and after them `vision`: a reference picture, by an image tower. */
export const TEXT_SOURCES = [...TEXT_ENCODERS, 'vision'] as const;
/** The name of a text encoder, or `vision`. */
export type TextSourceName = (typeof TEXT_SOURCES)[number];

/**
 * The states of the encoders that were run, [B, L, width of the encoder] each; an absent encoder gives no tokens. `vision` has a
 * length of 0 where a sample has no picture.
 */
export type TextStates = Readonly<Partial<Record<TextSourceName, PaddedStates>>>;
