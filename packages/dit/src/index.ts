// @moviegen/dit: the backbone of Movie Gen, a flow's velocity given text and time.

export { configs, type DiTConfig, parseConfig, TEXT_ORDER, type TextEncoderName } from './config.ts';
export type { Context, EmbeddedText, EncoderStates, LayerText, TextStates } from './context.ts';
export {
  type Checkpoint,
  DiT,
  type ForwardAsyncOptions,
  type ForwardOptions,
  type LoadOptions,
} from './dit.ts';
export { type Placement, placeLayers } from './offload.ts';
export type { Trace } from './trace.ts';
export { isLinearWeight, parameterCount, weightShapes } from './weights.ts';
