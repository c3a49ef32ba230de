// What the page and its worker say to each other: jobs with a question, news on the way and an answer.

import type { DeviceDescription, Frames, SelfTestNews, SelfTestReport, Video } from 'moviegen';
import type { BenchAsk, BenchNews, BenchReport } from './kernels/bench.ts';
import type { Problem } from './problem.ts';
import type { Settings } from './settings.ts';

/** The phases of a generation, in order. */
export const PHASES = ['fetch', 'load', 'text', 'compile', 'sample', 'decode'] as const;
/** A phase of a generation; `fetch` brings the checkpoint over the network. */
export type Phase = (typeof PHASES)[number];

/** How far a generation is. */
export interface GenerateNews {
  readonly phase: Phase;
  /** Bytes, steps, frames; absent where there is nothing to count. */
  readonly done?: number;
  readonly total?: number;
  /** What the video will about look like, small. */
  readonly preview?: Frames;
  /** Something that the person should know, but that stops nothing. */
  readonly notice?: string;
}

/** A generation's end. */
export interface Made {
  readonly video: Video;
  /** Seconds of each phase. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Who computed it. */
  readonly adapter: string;
}

/** The jobs: what is asked, what is told on the way, what is answered. */
export interface Jobs {
  /** Whether this browser can compute at all; the answer names its adapter. */
  probe: { ask: null; news: never; answer: string };
  /** `checkpoint` is the address of the model's folder. */
  generate: { ask: { settings: Settings; checkpoint: string }; news: GenerateNews; answer: Made };
  encode: { ask: { video: Video; format: 'mp4' | 'gif' }; news: never; answer: Uint8Array<ArrayBuffer> };
  device: { ask: null; news: never; answer: DeviceDescription };
  selfTest: { ask: { filter: string }; news: SelfTestNews; answer: SelfTestReport };
  bench: { ask: BenchAsk; news: BenchNews; answer: BenchReport };
}
export type JobName = keyof Jobs;

/** From the page. */
export type ToWorker =
  | {
      readonly [K in JobName]: { readonly id: number; readonly job: K; readonly ask: Jobs[K]['ask'] };
    }[JobName]
  | { readonly cancel: number };

/** From the worker. */
export type FromWorker =
  | { readonly id: number; readonly news: Jobs[JobName]['news'] }
  | { readonly id: number; readonly answer: Jobs[JobName]['answer'] }
  | { readonly id: number; readonly problem: Problem };
