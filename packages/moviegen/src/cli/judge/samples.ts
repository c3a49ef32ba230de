// The jobs that `moviegen judge --job` asks of a checkpoint: the fixed samples of each, how the video of one is made, and the
// figures of what is seen. Not here: files and printing (jobs.ts), upscaling (upscaled.ts), the judges (@moviegen/evaluation).

import {
  type Clip,
  EXTENDED_FRAMES,
  givenClip,
  JOB_SAMPLES,
  judgeEdit,
  judgeExtension,
  judgeImage,
  judgeLetters,
  judgePattern,
  letterSamples,
  patternSamples,
  pictureOf,
} from '@moviegen/evaluation';
import type { VideoPipeline } from '../../pipeline.ts';
import type { Frames, Video } from '../../video/frames.ts';
import { defaultModel, type Run } from '../run.ts';
import type { Figures, JudgeJobOptions, Judging, Sampling } from './judging.ts';
import { UPSCALING } from './upscaled.ts';

/** A job of a pipeline of videos, by samples of one type. */
function judging<S extends { readonly prompt: string }>(
  samples: () => readonly S[],
  load: (run: Run, options: JudgeJobOptions) => Promise<VideoPipeline>,
  made: (model: VideoPipeline, sample: S, sampling: Sampling) => Promise<Video>,
  figuresOf: (seen: Frames, sample: S, i: number) => Figures,
): Judging {
  return {
    samples,
    async load(run, options) {
      const model = await load(run, options);
      const all = samples();
      return {
        device: model.device,
        make: async (i, sampling) => ({
          video: await made(model, all[i]!, sampling),
          figuresOf: (seen) => figuresOf(seen, all[i]!, i),
        }),
      };
    },
  };
}

const at = (model: VideoPipeline, clip: Clip): Video => ({ ...clip, fps: model.index.video.fps });

/** The jobs that are judged. */
export const JUDGED_JOBS = {
  image: judging(
    () => JOB_SAMPLES.image,
    (run, options) => run.model(options, 'image', 'judge'),
    async (model, sample, sampling) => {
      const image = at(model, givenClip('image', sample));
      return (await model.generate(sample.prompt, { ...sampling, image })).frames;
    },
    (seen, sample) => {
      const { right, colour, shape, motion, background, firstFrame } = judgeImage(seen, sample);
      return { right, colour, shape, motion, background, firstFrame };
    },
  ),
  extend: judging(
    () => JOB_SAMPLES.extend,
    (run, options) => run.model(options, 'extend', 'judge'),
    async (model, sample, sampling) => {
      const options = { ...sampling, numFrames: EXTENDED_FRAMES };
      return (await model.extend(at(model, givenClip('extend', sample)), sample.prompt, options)).frames;
    },
    (seen, sample) => {
      const { right, colour, shape, motion, background, end, seam } = judgeExtension(seen, sample);
      return { right, colour, shape, motion, background, end, seam };
    },
  ),
  edit: judging(
    () => JOB_SAMPLES.edit,
    (run, options) => run.model(options, 'edit', 'judge'),
    async (model, sample, sampling) => {
      const options = { ...sampling, ...(sample.task && { task: sample.task }) };
      return (await model.edit(at(model, givenClip('edit', sample)), sample.prompt, options)).frames;
    },
    (seen, sample) => {
      const { right, outside } = judgeEdit(seen, sample);
      return { right, [`right: ${sample.task}`]: right, outside };
    },
  ),
  reference: judging(
    patternSamples,
    (run, options) => run.model(options, 'reference', 'judge'),
    async (model, sample, sampling) => {
      const options = { ...sampling, referenceImage: at(model, pictureOf(sample.looks, sample.place)) };
      return (await model.generate(sample.prompt, options)).frames;
    },
    (seen, _, i) => {
      const { right, pattern, motion, background, rank } = judgePattern(seen, i, patternSamples());
      return { right, pattern, motion, background, rank };
    },
  ),
  letters: judging(
    letterSamples,
    (run, options) => run.model({ ...options, model: options.model ?? defaultModel('letters') }),
    async (model, sample, sampling) => (await model.generate(sample.prompt, sampling)).frames,
    (seen, sample) => {
      const { right, text, colour, motion, background, letters } = judgeLetters(seen, sample);
      const length = sample.word.text.length;
      return { right, [`right: ${length}`]: right, text, colour, motion, background, letters };
    },
  ),
  upscale: UPSCALING,
} as const satisfies Record<string, Judging>;

export type JudgedJob = keyof typeof JUDGED_JOBS;
