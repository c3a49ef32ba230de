// What is planned, and what a plan says. How it is made is in plan.ts and upscale.ts.

import type { Device } from '@moviegen/tensor';
import type { Ceilings } from '@moviegen/tensor/checks';
import type { Known } from '../arguments.ts';
import type { DTypePolicy } from '../checkpoint/precision.ts';
import type { TokenizerPlaces } from '../checkpoint/tokenizerFiles.ts';
import { FILES_OPTIONS, type FilesOptions } from '../checkpointFiles.ts';
import type { PartPlaces, PlannedWeights } from '../generate/family.ts';
import type { Job } from '../generate/jobs.ts';
import type { GenerateOptions } from '../generate/options.ts';
import type { Guidance } from '../generate/request.ts';
import type { UpscaleOptions } from '../generate/upscale.ts';
import type { OpCosts } from './costs.ts';

/** Options of `planGeneration`. */
export interface PlanOptions
  extends FilesOptions,
    Pick<UpscaleOptions, 'window' | 'tile'>,
    Pick<
      GenerateOptions,
      'width' | 'height' | 'numFrames' | 'steps' | 'guidanceScale' | 'guidance' | 'cache' | 'signal'
    > {
  /** What is done. Pictures and videos that it is given are assumed. Default `text`. */
  readonly job?: PlannedJob;
  /** Default: a checkpoint's first example; for a published size, a prompt as long as its encoders take. */
  readonly prompt?: string;
  /** Types of weights and activations. Default f32. */
  readonly dtype?: DTypePolicy;
  /** Tokenizers that do not lie in their encoders' folders. */
  readonly tokenizer?: TokenizerPlaces;
  /** Models in place of the checkpoint's own, or all that there is. */
  readonly parts?: PartPlaces;
  /** Bytes that the transformer's weights may take on the device: layers that do not fit are streamed at every step. */
  readonly maxMemory?: number;
  /** The adapter's memory in bytes, which adapters do not tell. Default: memory is not compared. */
  readonly memory?: number;
  /** The adapter to plan for. Default: the limits of a large GPU are assumed. */
  readonly device?: Device;
  /** That adapter's ceilings, by `measureCeilings`; without them the plan has no times. */
  readonly ceilings?: Ceilings;
}

/** All of them. */
export const PLAN_OPTIONS: Known<PlanOptions> = {
  ...{ job: true, prompt: true, dtype: true, tokenizer: true, parts: true, maxMemory: true, memory: true },
  ...{ device: true, ceilings: true, width: true, height: true, numFrames: true, steps: true },
  ...{ guidanceScale: true, guidance: true, cache: true, window: true, tile: true, signal: true },
  ...FILES_OPTIONS,
};

/** Jobs that are planned. */
export const PLANNED_JOBS = [
  'text',
  'video',
  'image',
  'lastImage',
  'mask',
  'extend',
  'edit',
  'reference',
  'upscale',
] as const satisfies readonly Job[];
/** See {@link PLANNED_JOBS}. */
export type PlannedJob = (typeof PLANNED_JOBS)[number];

/** The most memory that a phase holds, in bytes. */
export interface PhaseMemory {
  readonly phase: 'load' | 'encoding' | 'text and sampling' | 'decoding';
  /** The highest sum of all buffers: `device.memory().peak`. */
  readonly peak: number;
  /** The peak without the weights of all models. */
  readonly activations: number;
  /** The largest single buffer. */
  readonly largestBuffer: number;
}

/** What a generation would take. */
export interface GenerationPlan {
  readonly model: string;
  readonly adapter: string;
  readonly dtype: DTypePolicy;
  readonly video: { readonly width: number; readonly height: number; readonly numFrames: number };
  /** [C, T, H, W]. */
  readonly latentShape: readonly number[];
  /** Tokens of the video in the transformer; of a window, where there are windows. */
  readonly tokens: number;
  /** Of an upscaling: the windows of one velocity, [C, T, H, W] each. */
  readonly windows?: { readonly count: number; readonly shape: readonly number[] };
  /** Of an extension: how many parts of `latentShape` are sampled, one after the other. */
  readonly parts?: number;
  readonly steps: number;
  readonly guidance: Guidance | 'none';
  readonly weights: readonly PlannedWeights[];
  readonly flops: {
    /** One velocity, both branches of guidance. */
    readonly velocity: number;
    readonly total: number;
    /** By part, then by op. */
    readonly parts: Readonly<Record<'text' | 'dit' | 'tae', Readonly<Record<string, OpCosts>>>>;
  };
  readonly memory: {
    /** Weights of all models. */
    readonly weights: number;
    readonly peak: number;
    readonly phases: readonly PhaseMemory[];
    /** Of an upscaling: what the whole video's latents take on the host. */
    readonly host?: number;
  };
  readonly limits: { readonly buffer: number; readonly binding: number };
  /** A lower bound: at the adapter's ceilings, which kernels approach and never reach. */
  readonly seconds?: {
    readonly total: number;
    readonly text: number;
    readonly dit: number;
    readonly tae: number;
  };
  readonly ceilings?: Ceilings;
  /** What does not fit, and what would help. Empty if everything fits. */
  readonly problems: readonly string[];
}

/** Operations of the parts of a plan. */
export type PartCosts = GenerationPlan['flops']['parts'];
