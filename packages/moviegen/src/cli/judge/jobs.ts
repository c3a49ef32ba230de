// What `moviegen judge --job` does: makes the videos of a job's fixed samples, reads their mp4 files back, judges what they show.
// Not here: text to video (judgeModel.ts), the judges (@moviegen/evaluation).

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  EXTENDED_FRAMES,
  givenClip,
  JOB_SAMPLES,
  type JobSample,
  judgeEdit,
  judgeExtension,
  judgeImage,
} from '@moviegen/evaluation';
import { readVideo } from '../../node/inputs.ts';
import type { VideoPipeline } from '../../pipeline.ts';
import type { Frames, Video } from '../../video/frames.ts';
import { adapterName, adapterRecord, type ModelOptions, type Run, secondsRecord } from '../run.ts';
import { write } from '../writeVideo.ts';
import { everyNth } from './questions.ts';

/** The jobs that are judged. */
export const JUDGED_JOBS = Object.keys(JOB_SAMPLES) as (keyof typeof JOB_SAMPLES)[];
type JudgedJob = (typeof JUDGED_JOBS)[number];

/** Options of judging a job. */
export interface JudgeJobOptions extends ModelOptions {
  readonly every: number;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly keep?: string;
}

/** Figures of one video: shares count what is true, means are of numbers. */
type Figures = Readonly<Record<string, boolean | number | undefined>>;

/** Judges a job and prints the figures. */
export async function judgeJob(run: Run, job: JudgedJob, options: JudgeJobOptions): Promise<void> {
  const { every, keep, json } = options;
  const samples = everyNth(
    JOB_SAMPLES[job].map((sample, seed) => ({ sample, seed })),
    every,
  );
  if (keep !== undefined) await run.outputs.checkFolder(keep);
  const model = await run.model(options, job);
  const folder = keep ?? (await mkdtemp(join(tmpdir(), 'moviegen-judge-')));
  const judged: { readonly name: string; readonly sample: JobSample; readonly figures: Figures }[] = [];
  try {
    run.bars.begin(`judge ${job}`, samples.length, { name: 'videos', each: 'video' });
    for (const { sample, seed } of samples) {
      const name = String(seed).padStart(2, '0');
      const file = join(folder, `${name}.mp4`);
      await write(run, await make(model, job, sample, { seed, options, signal: run.signal }), { file });
      const seen = await readVideo(file, { signal: run.signal });
      judged.push({ name, sample, figures: figuresOf(job, seen, sample) });
      run.bars.update(judged.length);
    }
    run.bars.end();
  } finally {
    if (keep === undefined) await rm(folder, { recursive: true, force: true });
  }
  const means = meansOf(judged.map(({ figures }) => figures));
  if (json)
    return run.print({
      job,
      figures: means,
      videos: judged.map(({ name, sample, figures }) => ({
        name,
        prompt: sample.prompt,
        ...(sample.task && { task: sample.task }),
        ...figures,
      })),
      adapter: adapterRecord(model.device),
      seconds: secondsRecord(run.bars.seconds),
    });
  for (const { name, sample, figures } of judged)
    run.say(`${name} ${figures.right ? 'right' : 'WRONG'}  ${sample.prompt}`);
  run.say('');
  for (const [name, value] of Object.entries(means)) run.say(`${name.padEnd(12)} ${value}`);
  run.say('');
  run.say(`adapter: ${adapterName(model.device)}, ${(performance.now() / 1000).toFixed(0)} s`);
}

interface Making {
  readonly seed: number;
  readonly options: JudgeJobOptions;
  readonly signal: AbortSignal;
}

/** The video of a sample. */
async function make(
  model: VideoPipeline,
  job: JudgedJob,
  sample: JobSample,
  { seed, options: { steps, guidanceScale }, signal }: Making,
): Promise<Video> {
  const how = {
    seed,
    signal,
    ...(steps !== undefined && { steps }),
    ...(guidanceScale !== undefined && { guidanceScale }),
  };
  const given: Video = { ...givenClip(job, sample), fps: model.index.video.fps };
  if (job === 'image') return (await model.generate(sample.prompt, { ...how, image: given })).frames;
  if (job === 'extend')
    return (await model.extend(given, sample.prompt, { ...how, numFrames: EXTENDED_FRAMES })).frames;
  return (await model.edit(given, sample.prompt, { ...how, ...(sample.task && { task: sample.task }) }))
    .frames;
}

function figuresOf(job: JudgedJob, seen: Frames, sample: JobSample): Figures {
  if (job === 'edit') {
    const { right, outside } = judgeEdit(seen, sample);
    return { right, [`right: ${sample.task}`]: right, outside };
  }
  if (job === 'extend') {
    const { right, colour, shape, motion, background, end, seam } = judgeExtension(seen, sample);
    return { right, colour, shape, motion, background, end, seam };
  }
  const { right, colour, shape, motion, background, firstFrame } = judgeImage(seen, sample);
  return { right, colour, shape, motion, background, firstFrame };
}

/** Of each figure, the share that is true, or the mean of its numbers, as a person reads it. */
function meansOf(all: readonly Figures[]): Record<string, string> {
  const names = [...new Set(all.flatMap((figures) => Object.keys(figures)))];
  return Object.fromEntries(
    names.map((name) => {
      const values = all.map((figures) => figures[name]).filter((value) => value !== undefined);
      const mean = values.reduce<number>((sum, value) => sum + Number(value), 0) / values.length;
      const share = typeof values[0] === 'boolean';
      const right = values.filter(Boolean).length;
      return [name, share ? `${right} of ${values.length} (${(100 * mean).toFixed(0)}%)` : mean.toFixed(2)];
    }),
  );
}
