// moviegen: Movie Gen as a pipeline, prompt in, video out. Runs in browsers and in Node (`moviegen/node` has what
// needs a file system).

export { type CheckpointFiles, type FilesOptions, openFiles } from './checkpointFiles.ts';
export { CheckpointError, InputError } from './errors.ts';
export { type GenerateOptions, SCHEDULES, type ScheduleName, SOLVERS } from './generateOptions.ts';
export { type Latents, latentsFrom } from './latents.ts';
export type { ModelIndex } from './modelIndex.ts';
export type { LoadProgress } from './models.ts';
export {
  type DecodeOptions,
  type EncodeOptions,
  type FromPretrainedOptions,
  type Generation,
  MovieGen,
} from './movieGen.ts';
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
export { decodePng, decodeVideo, encodePng } from './video/decode.ts';
export { encodeVideo, formatOf, VIDEO_FORMATS, type VideoFormat } from './video/encode.ts';
export type { Frames, Video } from './video/frames.ts';
