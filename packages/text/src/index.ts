// @moviegen/text: the text encoders of Movie Gen and Wan, and what they see of a prompt.

export type { PaddedStates, Trace } from '@moviegen/tensor';
export { byt5Ids } from './byt5.ts';
export { cleanPrompt } from './clean/cleanPrompt.ts';
export { type TokenizedPrompt, tokenizePrompt } from './clean/tokenizePrompt.ts';
export { type ClipFeatures, type ClipLoadOptions, ClipTextModel } from './clip/clip.ts';
export {
  type ClipTextConfig,
  type ClipVisionConfig,
  parseClipTextConfig,
  parseClipVisionConfig,
} from './clip/config.ts';
export { clipTokenizerJson } from './clip/tokenizerJson.ts';
export { type ClipVisionFeatures, ClipVisionModel } from './clip/vision.ts';
export { ConfigReader } from './configReader.ts';
export { isLinearWeight } from './linearWeights.ts';
export { type PromptTexts, promptTexts, quotedText, withoutQuoted } from './prompt.ts';
export { parseT5Config, type T5Config } from './t5/config.ts';
export { t5Name, t5Source } from './t5/names.ts';
export { checkT5Weights, type StreamT5Options, streamT5 } from './t5/streamT5.ts';
export { type LoadOptions, T5Encoder } from './t5/t5.ts';
export {
  type DroppedTokens,
  droppedNote,
  type EncoderFiles,
  type EncoderName,
  type PromptStates,
  type PromptTokens,
  type TextEncoderFiles,
  TextEncoders,
  type TextEncodersOptions,
  type TokenizedEncoderFiles,
} from './textEncoders.ts';
export { Tokenizer } from './tokenizer.ts';
