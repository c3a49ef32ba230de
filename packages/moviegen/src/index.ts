// moviegen: Movie Gen as a pipeline, prompt in, video out. Runs in browsers and in Node (`moviegen/node` has what
// needs a file system).

export { Autoencoder, type AutoencoderOptions } from './autoencoder.ts';
export { type CheckpointFiles, type FilesOptions, openFiles } from './checkpointFiles.ts';
export { type VerifiedFiles, verified } from './checksums.ts';
export { CheckpointError, InputError } from './errors.ts';
export {
  type GenerateOptions,
  GUIDANCES,
  type Guidance,
  SCHEDULES,
  type ScheduleName,
  SOLVERS,
} from './generateOptions.ts';
export { type Latents, latentsFrom } from './latents.ts';
export type { LoraFile } from './loras.ts';
export { type ModelFiles, openModel } from './modelFiles.ts';
export type { ModelIndex } from './modelIndex.ts';
export type { LoadProgress } from './models.ts';
export {
  type DecodeOptions,
  type EncodeOptions,
  type FromPretrainedOptions,
  type Generation,
  type GenerationStream,
  MovieGen,
} from './movieGen.ts';
export type { OpCosts } from './plan/costs.ts';
export type { PlannedWeights } from './plan/dryModels.ts';
export {
  type GenerationPlan,
  type PhaseMemory,
  type PlanOptions,
  planGeneration,
} from './plan/plan.ts';
export { planTable } from './plan/table.ts';
export {
  type DTypePolicy,
  MODULES,
  type ModuleName,
  PRECISIONS,
  type Precision,
  parsePolicy,
} from './precision.ts';
export { fitProjection, type LatentProjection, projectLatents } from './preview.ts';
export type { DecodeProgress, OnProgress, Phase, PlainProgress, Progress, StepProgress } from './progress.ts';
export {
  type DeviceDescription,
  describeDevice,
  type SelfTestFailure,
  type SelfTestNews,
  type SelfTestOptions,
  type SelfTestReport,
  selfTest,
} from './selfTest.ts';
export { TextModel, type TextModelOptions } from './textModel.ts';
export { decodePng, decodeVideo, encodePng, openVideo } from './video/decode.ts';
export {
  encodeVideo,
  encodeVideoTo,
  formatOf,
  VIDEO_FORMATS,
  type VideoFormat,
  type VideoSink,
} from './video/encode.ts';
export {
  collectFrames,
  type FrameSource,
  type Frames,
  type Video,
  type VideoStream,
} from './video/frames.ts';
export { type GridOptions, gridOf } from './video/grid.ts';
