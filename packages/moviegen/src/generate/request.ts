// A request to generate videos, checked and complete, and the rules of a checkpoint that it was checked against. Not here: the
// options of callers and their checks (options.ts).

import type { Schedule, Solver } from '@moviegen/sampler';
import type { Latents } from './latents.ts';

/** Names of the schedules of all families. */
export const SCHEDULES = ['linear-quadratic', 'linear'] as const;
/** Name of a schedule. */
export type ScheduleName = (typeof SCHEDULES)[number];
/** Names of the solvers of all families. */
export const SOLVERS = ['euler', 'midpoint', 'heun', 'dopri5'] as const satisfies readonly Solver[];

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
  /** Undefined: the size of the activations decides. */
  readonly guidance: Guidance | undefined;
  readonly width: number;
  readonly height: number;
  readonly numFrames: number;
  /** Of one video. */
  readonly latentShape: readonly [number, number, number, number];
  readonly fps: number;
  readonly batch: number;
  readonly solver: Solver;
  /** Undefined for `dopri5`, which chooses its own times. */
  readonly schedule: Schedule | undefined;
}

/** A checkpoint's defaults, for the options that a caller leaves out. */
export interface GenerationDefaults {
  readonly sampler: {
    readonly steps: number;
    readonly guidanceScale: number;
    readonly schedule: ScheduleName;
  };
  readonly video: {
    readonly width: number;
    readonly height: number;
    readonly numFrames: number;
    readonly fps: number;
  };
  /** Example prompts; the first is the default prompt of the command line. */
  readonly prompts: readonly string[];
}

/** Sizes that a family's models impose on videos and latents. */
export interface Geometry {
  /** Pixels per token along height and width, which must be multiples of them. */
  readonly multiple: readonly [height: number, width: number];
  /** Shape of the latents of one video. */
  latentShape(numFrames: number, height: number, width: number): readonly [number, number, number, number];
  /** The number of tokens that latents of this shape have in the transformer. */
  tokens(latentShape: readonly [number, number, number, number]): number;
}

/** The ways in which a family's flow can be followed from noise to data. */
export interface Sampling {
  readonly solvers: readonly Solver[];
  readonly schedules: readonly ScheduleName[];
  /** The times of a schedule. @throws InputError if it does not have so many steps. */
  schedule(name: ScheduleName, steps: number): Schedule;
}

/** The rules that a request is checked against. A family's loaded models have them. */
export interface RequestRules {
  readonly index: GenerationDefaults;
  readonly geometry: Geometry;
  readonly sampling: Sampling;
}
