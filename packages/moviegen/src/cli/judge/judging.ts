// What judging a job is made of: its fixed samples, how the video of one is made, the figures of what is seen. Not here: the jobs
// (samples.ts, upscaled.ts), files and printing (jobs.ts).

import type { Device } from '@moviegen/tensor';
import type { Frames, Video } from '../../video/frames.ts';
import type { ModelOptions, Run } from '../run.ts';

/** Options of judging a job. */
export interface JudgeJobOptions extends ModelOptions {
  readonly every: number;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly keep?: string;
}

/** Figures of one video: shares count what is true, means are of numbers. */
export type Figures = Readonly<Record<string, boolean | number | undefined>>;

/** How a video is sampled. */
export interface Sampling {
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly steps?: number;
  readonly guidanceScale?: number;
}

/** The video of a sample, and what judges its file. */
export interface Made {
  readonly video: Video;
  figuresOf(seen: Frames): Figures;
}

/** A job whose fixed samples are judged. Sample i is made with seed i. */
export interface Judging {
  samples(): readonly { readonly prompt: string; readonly task?: string | undefined }[];
  load(
    run: Run,
    options: JudgeJobOptions,
  ): Promise<{ readonly device: Device; make(i: number, sampling: Sampling): Promise<Made> }>;
}
