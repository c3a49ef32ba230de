// A request to generate videos, checked and complete, and the rules of a checkpoint that it was checked against. Not here: the
// options of callers and their checks (options.ts).

import type { SampleProgress, Solver, Velocity } from '@moviegen/sampler';
import type { Tensor } from '@moviegen/tensor';
import type { Given } from './given.ts';
import type { Job } from './jobs.ts';
import type { Latents } from './latents.ts';
import type { PromptStatesRule, TextStates } from './promptStates.ts';

/** Names of the schedules of all families. */
export const SCHEDULES = ['linear-quadratic', 'linear'] as const;
/** Name of a schedule. */
export type ScheduleName = (typeof SCHEDULES)[number];
/** Names of the solvers of all families. */
export const SOLVERS = ['euler', 'midpoint', 'heun', 'dopri5', 'unipc'] as const satisfies readonly (
  | Solver
  | 'unipc'
)[];
/** Name of a solver. */
export type SolverName = (typeof SOLVERS)[number];

/** How the two branches of guidance are computed: as one batch, or one after the other in half the memory. */
export const GUIDANCES = ['batched', 'sequential'] as const;
/** See {@link GUIDANCES}. */
export type Guidance = (typeof GUIDANCES)[number];

/** One video to make. */
export interface RequestedVideo {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed: bigint;
  readonly noise: Latents | undefined;
}

/** A checked request: the videos of a call, and what they have in common. */
export interface GenerationRequest {
  readonly videos: readonly RequestedVideo[];
  readonly guidanceScale: number;
  /** Guidance of a second expert, where the model has one. Undefined: the checkpoint's. */
  readonly guidanceScale2: number | undefined;
  /** Undefined: the size of the activations decides. */
  readonly guidance: Guidance | undefined;
  readonly width: number;
  readonly height: number;
  readonly numFrames: number;
  /** Of one video. */
  readonly latentShape: readonly [number, number, number, number];
  readonly fps: number;
  readonly batch: number;
  /** The way from noise to data; from a later point on where a video is started from. */
  readonly path: SamplingPath;
  /** What there is besides the prompts. */
  readonly given: Given;
  /** g_v of guidance in three branches; 1 is two branches, with what is given in both. */
  readonly videoGuidanceScale: number;
  /** The scale of guidance by the reference picture; undefined where it is that of the prompt. */
  readonly referenceGuidanceScale: number | undefined;
  /** The threshold of the step cache; 0 is none. */
  readonly cache: number;
  /** The shares of the path between which guidance is computed; [0, 1] is all of it. */
  readonly guidanceInterval: readonly [start: number, end: number];
  /** States of the texts, where they are given instead of being encoded. */
  readonly states: ReadonlyMap<string, TextStates> | undefined;
}

/** A checkpoint's defaults, for the options that a caller leaves out. */
export interface GenerationDefaults {
  readonly sampler: {
    readonly steps: number;
    readonly guidanceScale: number;
    /** Guidance of the second of two transformers. */
    readonly guidanceScale2?: number;
  };
  readonly video: {
    readonly width: number;
    readonly height: number;
    readonly numFrames: number;
    readonly fps: number;
  };
  /** The negative prompt that the model's authors use. Absent: none. */
  readonly negativePrompt?: string;
  /** Example prompts; the first is the default prompt of the command line. */
  readonly prompts: readonly string[];
}

/** Sizes that a family's models impose on videos and latents. */
export interface Geometry {
  /** Pixels per token along height and width, which must be multiples of them. */
  readonly multiple: readonly [height: number, width: number];
  /** The most frames of a video for which the model has positions of their own. */
  readonly maxFrames: number;
  /** The most frames, up to so many, that a video can have. */
  framesWithin(count: number): number;
  /** Shape of the latents of one video. @throws InputError where a video cannot have so many frames */
  latentShape(numFrames: number, height: number, width: number): readonly [number, number, number, number];
  /** The number of tokens that latents of this shape have in the transformer. */
  tokens(latentShape: readonly [number, number, number, number]): number;
}

/** Options of how the flow is followed; each family takes the ones that it has. */
export interface SamplingChoice {
  /** Steps of the solver. Not for `dopri5`. */
  readonly steps?: number;
  /** How the steps are spaced between noise and data. Not for `dopri5`. */
  readonly schedule?: ScheduleName;
  /** Default: `euler` for Movie Gen, the scheduler of its files for Wan. */
  readonly solver?: SolverName;
  /** Moves the steps towards noise: 3 to 12. Of Wan alone; default: its scheduler's. */
  readonly shift?: number;
}

/** What following a path needs besides velocity and noise. */
export interface FollowOptions {
  readonly signal: AbortSignal | undefined;
  readonly onStep: (progress: SampleProgress) => Promise<void>;
}

/** A way from noise to data: a solver with its times. */
export interface SamplingPath {
  /** Undefined where the solver chooses its own steps. */
  readonly steps: number | undefined;
  /** The time at which the velocity is asked first. */
  readonly begins: number;
  /** The share of the path's steps that is made before the step at a time. */
  shareAt(time: number): number;
  /** The same in at most two steps, as a plan takes it: all steps cost the same. */
  shortened(): SamplingPath;
  /** The part of it that is left when a share of the noise is there, above 0 and at most 1, where it is the whole path. */
  from(strength: number): SamplingPath;
  /** Where the path begins for data of which noise has hidden so much; the caller owns it. */
  start(data: Tensor, noise: Tensor): Tensor;
  /** Follows the velocity from the path's start to data, which the caller owns. @throws the signal's reason where it is aborted */
  follow(velocity: Velocity, noise: Tensor, options: FollowOptions): Promise<Tensor>;
  /** The data, as far as x and its velocity u at a time tell: the end of a straight path. The caller owns it. */
  predict(x: Tensor, u: Tensor, time: number): Tensor;
}

/** The ways in which a family's flow can be followed from noise to data. */
export interface Sampling {
  /** The path of a choice, with the checkpoint's values where it is silent. @throws InputError where it makes no sense */
  path(choice: SamplingChoice): SamplingPath;
}

/** The rules that a request is checked against. A family's loaded models have them. */
export interface RequestRules {
  /** What the checkpoint can do. */
  readonly jobs: readonly Job[];
  /** Kinds of edits that it knows by name. */
  readonly tasks: readonly string[];
  readonly index: GenerationDefaults;
  readonly geometry: Geometry;
  readonly sampling: Sampling;
  /** Where prompts may be given as states. */
  readonly promptStates?: PromptStatesRule;
}
