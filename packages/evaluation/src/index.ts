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
export { judge, type Look, look, type Seen, type Verdict } from './shapes/judge.ts';
export { parsePrompt } from './shapes/wordings.ts';
export {
  type Background,
  type Colour,
  caption,
  draw,
  type Facts,
  FRAMES,
  heldOut,
  type Motion,
  type Shape,
  type Size,
} from './shapes/world.ts';
