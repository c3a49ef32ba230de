// The interfaces of a family of models: prompts become conditions, conditions a velocity, latents frames. Everything that
// turns prompts and options into videos is written against them; the models themselves are in families/.
//
// Legend: B videos made together, C latent channels, T H W latent frames, height, width.

import type { Velocity } from '@moviegen/sampler';
import type { LatentParts, TileOptions } from '@moviegen/tae';
import type { Device, Tensor } from '@moviegen/tensor';
import type { FilesOptions } from '../checkpoint/files.ts';
import type { LoraFile } from '../checkpoint/loras.ts';
import type { DTypePolicy } from '../checkpoint/precision.ts';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import type { Job } from './jobs.ts';
import type { LatentProjection } from './preview.ts';
import type { LoadProgress } from './progress.ts';
import type {
  GenerationDefaults,
  GenerationRequest,
  Geometry,
  Guidance,
  RequestedVideo,
  Sampling,
} from './request.ts';

/** The velocity of a generation, with guidance. */
export interface GuidedVelocity {
  /** Its result is overwritten by the next call. */
  readonly velocity: Velocity;
  /** The latents of the last call, and its result; the next call overwrites both. */
  readonly last: { readonly x: Tensor; readonly u: Tensor };
  /** What is left to do with the data where the flow has ended, if anything; the result is the caller's too. */
  finish?(data: Tensor): Tensor;
  /** Compiles the kernels that are new. */
  ready(): Promise<void>;
  dispose(): void;
}

/** The distribution of a latent. The caller owns its tensors. */
export interface LatentDistribution {
  readonly mean: Tensor;
  readonly logvar: Tensor;
  mode(): Tensor;
  sample(noise: Tensor): Tensor;
}

/** An autoencoder of videos, as the pipeline uses it: tile by tile, piece by piece. */
export interface VideoAutoencoder {
  readonly device: Device;
  /** Pixels along height and width per position of the latent. */
  readonly factor: number;
  readonly latentChannels: number;
  /** The numbers of frames that a latent of T frames may stand for. */
  frames(latentFrames: number): { readonly least: number; readonly most: number };
  /** @param video pieces [1, 3, n, H', W'] in [-1, 1], of any lengths. */
  encodeTiled(video: AsyncIterable<Tensor>, tiles?: TileOptions): AsyncGenerator<LatentDistribution>;
  /** Frames in pieces [1, 3, n, H', W'], about [-1, 1], each as soon as it is done. */
  decodeTiled(
    latents: LatentParts,
    options: TileOptions & { readonly numFrames?: number | undefined },
  ): AsyncGenerator<Tensor>;
}

/** What the pipeline only hands on, and releases. */
export interface Disposable {
  dispose(): void;
}

/** The loaded models of one family. What is given and prompts become `Inputs` and `Conditions`, which the pipeline only hands on. */
export interface VideoModels<
  Conditions extends Disposable = Disposable,
  Inputs extends Disposable = Disposable,
> {
  readonly device: Device;
  /** What the checkpoint can do; other jobs are refused before anything is computed. */
  readonly jobs: readonly Job[];
  /** Kinds of edits that it knows by name. */
  readonly tasks: readonly string[];
  readonly index: GenerationDefaults;
  readonly geometry: Geometry;
  readonly sampling: Sampling;
  readonly autoencoder: VideoAutoencoder;
  /**
   * Takes in what is given besides the prompts (`request.given`), once per call: pictures, a video, a mask. A video that is only
   * started from (`given.strength`) is not the family's matter.
   */
  encodeGiven(request: GenerationRequest, signal?: AbortSignal): Promise<Inputs>;
  /**
   * Encodes the prompts of videos that are made together and, with guidance, their null or negative prompts.
   * @param inputs by `encodeGiven`; they stay the caller's, and live longer than the conditions.
   */
  encodePrompts(
    videos: readonly RequestedVideo[],
    request: GenerationRequest,
    inputs: Inputs,
    signal?: AbortSignal,
  ): Promise<Conditions>;
  /** What a person should know of how the prompts of a video are read, a line each: tokens that an encoder drops. */
  promptNotes(video: RequestedVideo, request: GenerationRequest): readonly string[];
  /** The velocity at latents [B, C, T, H, W] under conditions, which the caller keeps. */
  guidedVelocity(
    conditions: Conditions,
    shape: readonly number[],
    request: GenerationRequest,
    signal?: AbortSignal,
  ): GuidedVelocity;
  /** How the branches of guidance are computed; decides if the request does not. */
  guidanceOf(request: Pick<GenerationRequest, 'guidance' | 'batch' | 'latentShape'>): Guidance;
  /** The map from latents to small pictures, for previews. */
  latentProjection(): Promise<LatentProjection>;
  /** Releases the models, and closes the files that are still read. */
  dispose(): void;
}

/** Options of loading a checkpoint of any family. */
export interface LoadModelsOptions {
  readonly dtype: DTypePolicy;
  /** Bytes that the transformer's weights may take on the device. Default: no bound. */
  readonly maxMemory?: number | undefined;
  /** Where streamed layers come from. Default: `disk` for folders, `host` for addresses. */
  readonly offload?: 'disk' | 'host' | undefined;
  readonly loras?: readonly LoraFile[] | undefined;
  /** Is told lines that a person should know of what was loaded: parts of a LoRA that are left out. */
  readonly onNote?: ((line: string) => void) | undefined;
  /** How addresses of LoRAs are requested. */
  readonly http?: FilesOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void | Promise<void>) | undefined;
}

/** Weights of one type of one part of a pipeline. */
export interface PlannedWeights {
  /** `dit`, `tae`, or a text encoder's name. */
  readonly part: string;
  readonly dtype: string;
  readonly parameters: number;
  readonly bytes: number;
}

/** A checkpoint of which only the configs are known: its models can be loaded without weights, to count their costs. */
export interface PlannedPipeline {
  readonly name: string;
  /** Loads the models in the order of a real load, with zeros for weights. */
  load(
    device: Device,
    options: Pick<LoadModelsOptions, 'dtype' | 'maxMemory' | 'signal'>,
  ): Promise<{ readonly models: VideoModels; readonly weights: readonly PlannedWeights[] }>;
}

/** A model whose linear layers can be quantised. */
export interface QuantizablePart {
  readonly module: 'dit' | 'text';
  /** Its folder below the checkpoint. */
  readonly folder: string;
  /** Whether a weight is the matrix of a linear layer. */
  readonly isLinear: (name: string) => boolean;
}

/** A family of models: how its checkpoints are recognised, loaded and planned. */
export interface ModelFamily<Models extends VideoModels = VideoModels> {
  readonly name: string;
  /** Whether a parsed `model_index.json` is of this family. */
  recognises(index: unknown): boolean;
  /** @throws CheckpointError, SafetensorsError; the signal's reason on abort. What was opened or loaded is released then. */
  load(device: Device, files: CheckpointFiles, options: LoadModelsOptions): Promise<Models>;
  /** Reads configs and tokenizers, never weights. @throws CheckpointError */
  plan(files: CheckpointFiles, signal?: AbortSignal): Promise<PlannedPipeline>;
  /** The models of a checkpoint that can be quantised. @param index the parsed `model_index.json` @throws CheckpointError */
  quantizable(index: unknown, path: string): readonly QuantizablePart[];
  /** Published sizes, which are known by name without any file. */
  readonly published: Readonly<Record<string, () => PlannedPipeline>>;
}
