// @moviegen/dit: the backbone of Movie Gen, a flow's velocity given text and time.

export type { PaddedStates, Placement, Trace } from '@moviegen/tensor';
export { type Conditioning, configs, type DiTConfig, givenChannels, parseConfig } from './config.ts';
export type { Context, EmbeddedText, LayerText } from './context.ts';
export { DiT } from './dit.ts';
export type { ContextOptions, ForwardAsyncOptions, ForwardOptions } from './inputs.ts';
export { type BoundedLoadOptions, loadDiT, type VelocityModel } from './loadDiT.ts';
export { placeLayers } from './offload.ts';
export { StreamedDiT } from './streamedDit.ts';
export type { TaskRows } from './task.ts';
export {
  TEXT_ENCODERS,
  TEXT_SOURCES,
  type TextEncoderName,
  type TextSourceName,
  type TextStates,
} from './textStates.ts';
export { isLinearWeight, type LoadOptions, weightShapes } from './weights.ts';
