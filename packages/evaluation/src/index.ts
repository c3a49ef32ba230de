// @moviegen/evaluation: how good videos are. It has worlds whose prompts a program can draw and judge, measures of how near
// videos are to others, and the comparison of two models by people's votes. `moviegen`, which samples the videos, imports this package, and not the other way round.

export type { Clip, TimedClip } from './clip.ts';
export {
  type AutomaticAxis,
  type ClipModel,
  cosine,
  frameConsistency,
  NOT_HUMAN,
  pairedAxis,
  promptSimilarity,
} from './compare/automatic.ts';
export { AXES, type Axis, axesOf } from './compare/axes.ts';
export { type ComparedPrompt, comparedPrompts, parseCsv } from './compare/prompts.ts';
export { type AxisReport, type Net, netOf, reportOf, verdictsOf } from './compare/report.ts';
export { reportSvg, reportText } from './compare/reportText.ts';
export { type Choice, type Question, type Vote, type VoteLine, Votes } from './compare/votes.ts';
export { ByteErrors } from './measures/byteErrors.ts';
export {
  encoderFeatures,
  type FeatureStatistics,
  featureStatistics,
  frechetDistance,
  latentFeatures,
} from './measures/frechet.ts';
export { psnr, ssim } from './measures/likeness.ts';
export { DOCUMENT, STYLE } from './page/document.ts';
export type { Answer, Shown, Task } from './page/protocol.ts';
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
export { judgeLetters, type LetterVerdict, type SeenWord } from './shapes/judgeLetters.ts';
export { judgePattern, type PatternVerdict } from './shapes/judgePatterns.ts';
export {
  drawWord,
  heldOutWord,
  type LetterSample,
  letterSamples,
  type Word,
  wordCaption,
} from './shapes/letters.ts';
export {
  drawPattern,
  type Looks,
  type PatternSample,
  type Place,
  patternSamples,
  pictureOf,
} from './shapes/patterns.ts';
export {
  drawLarge,
  judgeUpscaled,
  LARGE,
  psnrOf,
  type UpscaleSample,
  type UpscaleVerdict,
  upscaleSamples,
} from './shapes/upscaling.ts';
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
