// moviegen: Movie Gen as a pipeline, prompt in, video out. Runs in browsers and in Node (`moviegen/node` has
// everything that needs a file system).

export { Autoencoder, type AutoencoderOptions } from './autoencoder.ts';
export { parseSums, type VerifiedFiles, verified } from './checkpoint/checksums.ts';
export { openFiles } from './checkpoint/files.ts';
export type { LoraFile } from './checkpoint/loras.ts';
export { type ModelFiles, openModel } from './checkpoint/modelFiles.ts';
export {
  type DTypePolicy,
  MODULES,
  type ModuleName,
  PRECISIONS,
  type Precision,
  parsePolicy,
} from './checkpoint/precision.ts';
export type { TokenizerPlaces } from './checkpoint/tokenizerFiles.ts';
export type { CheckpointFiles, DownloadProgress, FilesOptions, Place } from './checkpointFiles.ts';
export { CheckpointError, InputError } from './errors.ts';
export type { ModelIndex } from './families/movieGen/modelIndex.ts';
export { checkpointSummary, type NeededFile, neededFiles } from './families/summary.ts';
export { WAN_NEGATIVE_PROMPT } from './families/wan/defaults.ts';
export { type EncodePromptOptions, encodePrompt } from './families/wan/encodePrompt.ts';
export type { DecodeOptions, EncodeOptions } from './generate/autoencode.ts';
export type { ExtendOptions, Extension, ExtensionStream } from './generate/extend.ts';
export type { CheckpointSummary, GenerationRules, PlannedWeights } from './generate/family.ts';
export type { GivenOptions, GivenPicture, GivenVideo } from './generate/given.ts';
export { JOBS, type Job, jobNames } from './generate/jobs.ts';
export { type Latents, latentsFrom } from './generate/latents.ts';
export type { GenerateOptions } from './generate/options.ts';
export { fitProjection, type LatentProjection, projectLatents } from './generate/preview.ts';
export type {
  DecodeProgress,
  OnProgress,
  Phase,
  PlainProgress,
  Progress,
  StepProgress,
  UpscaleProgress,
} from './generate/progress.ts';
export {
  type PromptStates,
  promptStatesFile,
  readPromptStates,
  type TextStates,
} from './generate/promptStates.ts';
export type { GenerationDefaults } from './generate/request.ts';
export { GUIDANCES, type Guidance, SCHEDULES, type ScheduleName, SOLVERS } from './generate/request.ts';
export type { UpscaleDefaults, UpscaleOptions, Upscaler } from './generate/upscale.ts';
export { type HubPlace, hubPlace, resolveAddress } from './hubPlace.ts';
export { clipSimilarity, ImageModel, type ImageModelOptions } from './imageModel.ts';
export { MovieGen } from './movieGen.ts';
export {
  type DeviceDescription,
  describeDevice,
  type SelfTestFailure,
  type SelfTestNews,
  type SelfTestOptions,
  type SelfTestReport,
  selfTest,
} from './parity/selfTest.ts';
export {
  type EditOptions,
  type FromPretrainedOptions,
  type Generation,
  type GenerationStream,
  VideoPipeline,
} from './pipeline.ts';
export type { OpCosts } from './plan/costs.ts';
export {
  type GenerationPlan,
  type PhaseMemory,
  PLANNED_JOBS,
  type PlannedJob,
  type PlanOptions,
  planGeneration,
} from './plan/plan.ts';
export { planTable } from './plan/table.ts';
export { type EncodedTexts, TextModel, type TextModelOptions } from './textModel.ts';
export { MovieGenUpsampler } from './upsampler.ts';
export { decodeVideo, encodePng, openVideo } from './video/decode.ts';
export {
  encodeVideo,
  encodeVideoTo,
  formatOf,
  VIDEO_FORMATS,
  type VideoFormat,
  type VideoSink,
} from './video/encode.ts';
export type { Film, StoredFrame } from './video/film.ts';
export { type FitOptions, fitted } from './video/fit.ts';
export {
  collectFrames,
  type FrameSource,
  type Frames,
  type Video,
  type VideoStream,
} from './video/frames.ts';
export { type GridOptions, gridOf } from './video/grid.ts';
export { decodePng } from './video/pictures.ts';
export { resizeToCover } from './video/resize.ts';
export { type Plane, rgbOfStored, type StoredPixels } from './video/rgb.ts';
