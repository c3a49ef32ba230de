// @moviegen/evaluation: how good videos are. It has worlds whose prompts a program can draw and judge, and measures of how
// near videos are to others. `moviegen`, which samples the videos, imports this package, and not the other way round.

export type { Clip, TimedClip } from './clip.ts';
export { ByteErrors } from './measures/byteErrors.ts';
export {
  encoderFeatures,
  type FeatureStatistics,
  featureStatistics,
  frechetDistance,
} from './measures/frechet.ts';
export { psnr, ssim } from './measures/likeness.ts';
export { EVALUATION_PROMPTS } from './shapes/evaluationPrompts.ts';
export { JOB_SAMPLES, type JobSample } from './shapes/jobSamples.ts';
export { judge, type Look, look, type Seen, type Verdict } from './shapes/judge.ts';
export {
  type EditVerdict,
  EXTENDED_FRAMES,
  type ExtensionVerdict,
  givenClip,
  type ImageVerdict,
  judgeEdit,
  judgeExtension,
  judgeImage,
} from './shapes/judgeJobs.ts';
export { parsePrompt } from './shapes/wordings.ts';
export {
  type Background,
  type Colour,
  caption,
  draw,
  drawEmpty,
  type Facts,
  FRAMES,
  heldOut,
  type Motion,
  type Shape,
  type Size,
} from './shapes/world.ts';
