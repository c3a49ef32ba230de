// @moviegen/text: the text encoders of Movie Gen and what they see of a prompt.

export { byt5Ids } from './byt5.ts';
export { ClipTextModel } from './clip/clip.ts';
export { type ClipTextConfig, parseClipTextConfig } from './clip/config.ts';
export { isLinearWeight } from './linearWeights.ts';
export { type PromptTexts, promptTexts, quotedText, withoutQuoted } from './prompt.ts';
export type { EncoderFiles, EncoderStates } from './states.ts';
export { parseT5Config, type T5Config } from './t5/config.ts';
export { relativeBucket } from './t5/positions.ts';
export { type LoadOptions, T5Encoder } from './t5/t5.ts';
export {
  type PromptTokens,
  TEXT_ENCODERS,
  type TextEncoderFiles,
  type TextEncoderName,
  TextEncoders,
  type TextEncodersOptions,
  type TextStates,
  type TokenizedEncoderFiles,
} from './textEncoders.ts';
export { Tokenizer } from './tokenizer.ts';
export type { Trace } from './trace.ts';
