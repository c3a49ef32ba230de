// What the page and its worker say to each other: jobs with a question, news on the way and an answer.

import type { DeviceDescription, Frames, SelfTestNews, SelfTestReport, Video } from 'moviegen';
import type { Given, Source } from './given.ts';
import type { BenchAsk, BenchNews, BenchReport } from './kernels/bench.ts';
import type { Abilities, ModelPlace } from './model.ts';
import type { Problem } from './problem.ts';
import type { MadeVideo } from './results/store.ts';
import type { Settings } from './settings.ts';

/** The phases of a generation, in order. */
export const PHASES = ['fetch', 'load', 'text', 'compile', 'sample', 'decode'] as const;
/** The same where a video is made larger. */
export const UPSCALE_PHASES = ['fetch', 'load', 'encode', 'windows', 'decode'] as const;
/** A phase of a generation; `fetch` gets the checkpoint over the network. */
export type Phase = (typeof PHASES)[number] | (typeof UPSCALE_PHASES)[number];

/** The progress of a generation. */
export interface GenerateNews {
  readonly phase: Phase;
  /** Bytes, steps or frames; absent if there is nothing to count. */
  readonly done?: number;
  readonly total?: number;
  /** A small preview of the video. */
  readonly preview?: Frames;
  /** Something that the person should know, although the generation goes on. */
  readonly notice?: string;
}

/** The result of a generation. */
export interface Made {
  readonly video: MadeVideo;
  /** What a person should know of how prompt and files were read, a line each. */
  readonly notes: readonly string[];
  /** Seconds of each phase. */
  readonly seconds: Readonly<Record<string, number>>;
  /** The adapter that computed it. */
  readonly adapter: string;
}

/** A server of `moviegen serve`. */
export interface ServerPlace {
  readonly address: string;
  /** Sent to it with every request; in memory only. */
  readonly key?: string | undefined;
}

/** Where a job is computed: by a server where there is one, else here. */
export interface Where {
  readonly model: ModelPlace;
  readonly server: ServerPlace | undefined;
}

/** The jobs: the question, the news on the way, and the answer. */
export interface Jobs {
  /** Whether this browser, or the server, can compute at all; the answer names the adapter or the models. */
  probe: { ask: { server: ServerPlace | undefined }; news: never; answer: string };
  /** What the model can do, or the server's; it is not fetched for that. */
  abilities: { ask: Where; news: never; answer: Abilities };
  /** Removes what this browser keeps of a model. */
  forget: { ask: { model: ModelPlace }; news: never; answer: null };
  /** Reads a picture or a video, to be seen and used. */
  open: { ask: { file: File }; news: never; answer: Source };
  /** What a file of tensors is: a LoRA, or something else. */
  weightsKind: { ask: { file: File }; news: never; answer: 'lora' | 'other' };
  /** The prompt of a file of prompt states. */
  readStates: { ask: { file: File }; news: never; answer: string };
  generate: {
    ask: Where & { settings: Settings; given?: Given | undefined };
    news: GenerateNews;
    answer: Made;
  };
  /** The news names the codec of an mp4. */
  encode: { ask: { video: Video; format: 'mp4' | 'gif' }; news: string; answer: Uint8Array<ArrayBuffer> };
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
