// A generation as it was asked for, checked and complete, and the rules of a checkpoint that it was checked against. Not
// here: the options of callers and their checks (options.ts).

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

/** What all videos of a call have in common, checked. */
export interface GenerationRequest {
  readonly videos: readonly RequestedVideo[];
  readonly guidanceScale: number;
  /** Undefined: by the size of the activations. */
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

/** What a checkpoint says of its generations; options that a caller leaves out take these values. */
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
  /** Pixels that make a token: height and width are multiples of them. */
  readonly multiple: readonly [height: number, width: number];
  /** Shape of the latents of one video. */
  latentShape(numFrames: number, height: number, width: number): readonly [number, number, number, number];
  /** Tokens that the transformer makes of latents of this shape. */
  tokens(latentShape: readonly [number, number, number, number]): number;
}

/** How a family's flow is followed from noise to data. */
export interface Sampling {
  readonly solvers: readonly Solver[];
  readonly schedules: readonly ScheduleName[];
  /** The times of a schedule. @throws InputError where it does not have so many steps. */
  schedule(name: ScheduleName, steps: number): Schedule;
}

/** What a request is checked against: a family's models, loaded. */
export interface RequestRules {
  readonly index: GenerationDefaults;
  readonly geometry: Geometry;
  readonly sampling: Sampling;
}
