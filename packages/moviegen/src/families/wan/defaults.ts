// What a Wan model is made for: sizes, steps and guidance by its authors, which its files do not hold, and the negative prompt
// that they use. The shift of the noise levels is in the scheduler's file.

import type { WanTransformerConfig } from '@moviegen/wan';
import type { GenerationDefaults } from '../../generate/request.ts';
import type { WanSwitches } from './configs.ts';

/** The negative prompt of the authors, `sample_neg_prompt`; diffusers' default is the empty text. */
export const WAN_NEGATIVE_PROMPT =
  '色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走';

const PROMPTS = ['A cat walks on the grass, realistic style.'];

/** The defaults of a checkpoint, by what its index and its first transformer say. */
export function defaultsOf(
  { boundaryRatio, expandTimesteps }: WanSwitches,
  { inChannels, outChannels }: WanTransformerConfig,
): GenerationDefaults {
  const fromImage = inChannels !== outChannels;
  const video = (width: number, height: number, numFrames = 81, fps = 16) => ({
    width,
    height,
    numFrames,
    fps,
  });
  const rest = { prompts: PROMPTS, negativePrompt: WAN_NEGATIVE_PROMPT };
  if (expandTimesteps)
    return { ...rest, sampler: { steps: 50, guidanceScale: 5 }, video: video(1280, 704, 121, 24) };
  if (boundaryRatio !== undefined)
    return {
      ...rest,
      sampler: fromImage
        ? { steps: 40, guidanceScale: 3.5, guidanceScale2: 3.5 }
        : { steps: 40, guidanceScale: 4, guidanceScale2: 3 },
      video: video(1280, 720),
    };
  return { ...rest, sampler: { steps: fromImage ? 40 : 50, guidanceScale: 5 }, video: video(832, 480) };
}
