// The text that the DiT takes: the states of three text encoders (Movie Gen section 3.1.4). This list is the one place for
// their names and their order. Not here: the encoders (@moviegen/text), the projection of their states (context.ts).

import type { PaddedStates } from '@moviegen/tensor';

/** The text encoders' names, in the order in which their tokens follow one another. */
export const TEXT_ENCODERS = ['ul2', 'metaclip', 'byt5'] as const;
/** The name of a text encoder. */
export type TextEncoderName = (typeof TEXT_ENCODERS)[number];

/** The states of the encoders that were run, [B, L, width of the encoder] each; an absent encoder gives no tokens. */
export type TextStates = Readonly<Partial<Record<TextEncoderName, PaddedStates>>>;
