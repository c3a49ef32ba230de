// The interfaces of a family of models: prompts become conditions, conditions a velocity, latents frames. Everything that
// turns prompts and options into videos is written against them; the models themselves are in families/.
//
// Legend: B videos made together, C latent channels, T H W latent frames, height, width.

import type { TensorSource } from '@moviegen/safetensors';
import type { Velocity } from '@moviegen/sampler';
import type { LatentParts, TileOptions } from '@moviegen/tae';
import type { Device, Tensor, WeightSource } from '@moviegen/tensor';
import { isObject } from '../arguments.ts';
import type { FilesOptions } from '../checkpoint/files.ts';
import type { LoraFile } from '../checkpoint/loras.ts';
import type { DTypePolicy } from '../checkpoint/precision.ts';
import type { TokenizerPlaces } from '../checkpoint/tokenizerFiles.ts';
import type { CheckpointFiles, Place } from '../checkpointFiles.ts';
import type { Job } from './jobs.ts';
import type { LatentProjection } from './preview.ts';
import type { LoadProgress } from './progress.ts';
import type { PromptStatesRule } from './promptStates.ts';
import type {
  GenerationDefaults,
  GenerationRequest,
  Geometry,
  Guidance,
  RequestedVideo,
  Sampling,
} from './request.ts';
import type { UpscaleDefaults } from './upscale.ts';

/** The velocity of a generation, with guidance. */
export interface GuidedVelocity {
  /** Its result is overwritten by the next call. */
  readonly velocity: Velocity;
  /** The latents of the last call, and its result; the next call overwrites both. */
  readonly last: { readonly x: Tensor; readonly u: Tensor };
  /** What is left to do with the data where the flow has ended, if anything; the result is the caller's too. */
  finish?(data: Tensor): Tensor;
  /** The share of the transformer's blocks that has run; undefined where nothing was to be left out. */
  computed?(): number | undefined;
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

/** May be stopped before the next piece of work; between pieces the pipeline stops it in any case. */
interface Stoppable {
  readonly signal?: AbortSignal | undefined;
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
  encodeTiled(
    video: AsyncIterable<Tensor>,
    options?: TileOptions & Stoppable,
  ): AsyncGenerator<LatentDistribution>;
  /** Frames in pieces [1, 3, n, H', W'], about [-1, 1], each as soon as it is done. */
  decodeTiled(
    latents: LatentParts,
    options: TileOptions & Stoppable & { readonly numFrames?: number | undefined },
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
  /** Where prompts may be given as states. */
  readonly promptStates?: PromptStatesRule;
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
  guidanceOf(request: GenerationRequest): Guidance;
  /** The map from latents to small pictures, for previews. */
  latentProjection(): Promise<LatentProjection>;
  /** Releases the models, and closes the files that are still read. */
  dispose(): void;
}

/** Places of single models, each a folder or a file of weights: in place of a checkpoint's own, or all that there is. */
export interface PartPlaces {
  readonly transformer?: Place | undefined;
  /** The expert for low noise (Wan 2.2 A14B). */
  readonly transformer2?: Place | undefined;
  readonly vae?: Place | undefined;
  readonly textEncoder?: Place | undefined;
}

/** Whether a source is single models and not a checkpoint. */
export const isPartPlaces = (source: Place | PartPlaces): source is PartPlaces =>
  isObject(source) && !(source instanceof URL) && !('folder' in source);

/** Stands for a checkpoint where single files are all that there is. */
export const NO_FILES: CheckpointFiles = { label: '', folder: () => async () => undefined };

/** Options of loading a checkpoint of any family. */
export interface LoadModelsOptions {
  readonly dtype: DTypePolicy;
  /** Bytes that the transformer's weights may take on the device. Default: no bound. */
  readonly maxMemory?: number | undefined;
  /** Whether text encoders are opened. Default true. */
  readonly textEncoder?: boolean | undefined;
  /** Where streamed layers come from. Default: `disk` for folders, `host` for addresses. */
  readonly offload?: 'disk' | 'host' | undefined;
  readonly loras?: readonly LoraFile[] | undefined;
  /** Of the second of two transformers. */
  readonly loras2?: readonly LoraFile[] | undefined;
  /** Is told lines that a person should know of what was loaded: parts of a LoRA that are left out. */
  readonly onNote?: ((line: string) => void) | undefined;
  /** Tokenizers that do not lie in their encoders' folders, or beside them. */
  readonly tokenizer?: TokenizerPlaces | undefined;
  /** Models that do not lie in the checkpoint. */
  readonly parts?: PartPlaces | undefined;
  /** How addresses of LoRAs and tokenizers are requested. */
  readonly http?: FilesOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void | Promise<void>) | undefined;
}

/** Weights of one type of one part of a pipeline. */
export interface PlannedWeights {
  /** `dit`, `tae`, `vision`, or a text encoder's name. */
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

/** What a checkpoint is, by its configs alone. */
export interface CheckpointSummary {
  /** The kind of pipeline, for a person. */
  readonly kind: string;
  readonly jobs: readonly Job[];
  /** Kinds of edits that it knows by name. */
  readonly tasks: readonly string[];
  /** What it makes where a caller leaves options out, and what the options may be; undefined of an upsampler. */
  readonly generation?: GenerationRules;
  /** The same of an upsampler. */
  readonly upscaling?: UpscaleDefaults;
  /** Its models, by the headers of their weights. */
  readonly parts?: readonly PartSummary[];
  /** A line for each of its models that is missing, cannot be opened or does not fit the others. */
  readonly problems?: readonly string[];
}

/** Defaults of a checkpoint's options, and the values that they may have. */
export interface GenerationRules {
  readonly defaults: GenerationDefaults;
  /** Height and width of a video, in pixels, are multiples of these. */
  readonly multiple: readonly [height: number, width: number];
  /** The frames of a video are 1 more than a multiple of this: 1, or 4 for Wan. */
  readonly frameStep: number;
  /** How far the steps are moved towards noise; undefined where the family has no shift. */
  readonly shift?: number;
}

/** One model of a checkpoint, by the headers of its weights. */
export interface PartSummary {
  /** Its folder in diffusers' layout. */
  readonly part: string;
  readonly dtypes: readonly string[];
  readonly parameters: number;
  /** In the files. */
  readonly bytes: number;
}

/** A model whose linear layers can be quantised. */
export interface QuantizablePart {
  readonly module: 'dit' | 'text';
  /** Its folder below the checkpoint. */
  readonly folder: string;
  /** Whether a weight is the matrix of a linear layer. */
  readonly isLinear: (name: string) => boolean;
  /** Whether these weights can be quantised file by file; where absent, all can. */
  readonly isPlain?: (weights: TensorSource) => boolean;
}

/** One model of a checkpoint that is written anew. */
export interface FolderPart {
  /** Below the new folder; `''` is that itself. */
  readonly folder: string;
  /** Where it is now, in messages. */
  readonly path: string;
  /** Undefined of a model that is written as it is. */
  readonly module?: QuantizablePart['module'];
  /** The name of the new file of weights. */
  readonly file: string;
  readonly weights: WeightSource;
  readonly isLinear: (name: string) => boolean;
}

/** The files of a checkpoint to be written anew, open. */
export interface FolderFiles {
  readonly parts: readonly FolderPart[];
  /** All other files by their paths, as JSON. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Rejects if a file that was read differs from its entry in `SHA256SUMS`. */
  verify(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A family of models: how its checkpoints are recognised, loaded and planned. */
export interface ModelFamily<Models extends VideoModels = VideoModels> {
  readonly name: string;
  /** Whether a parsed `model_index.json` is of this family, or the `config.json` of an original repository. */
  recognises(index: unknown): boolean;
  /** @throws CheckpointError, SafetensorsError; the signal's reason on abort. What was opened or loaded is released then. */
  load(device: Device, files: CheckpointFiles, options: LoadModelsOptions): Promise<Models>;
  /** What a checkpoint can do; reads configs, and headers of weights where those tell. @throws CheckpointError */
  summary(files: CheckpointFiles, signal?: AbortSignal): Promise<CheckpointSummary>;
  /** Opens all files that loading reads; no tensor is read. @throws CheckpointError */
  open(
    files: CheckpointFiles,
    options: Pick<LoadModelsOptions, 'textEncoder' | 'signal'>,
  ): Promise<{ close(): Promise<void> }>;
  /** Reads configs and tokenizers, never weights. @throws CheckpointError */
  plan(
    files: CheckpointFiles,
    signal?: AbortSignal,
    options?: Pick<LoadModelsOptions, 'tokenizer' | 'parts' | 'http'>,
  ): Promise<PlannedPipeline>;
  /** The models of a checkpoint that can be quantised. @param index the parsed `model_index.json` @throws CheckpointError */
  quantizable(index: unknown, path: string): readonly QuantizablePart[];
  /** A checkpoint in any layout as the files of a folder; absent where a family has one layout. @throws CheckpointError */
  asFolder?(
    files: CheckpointFiles,
    options: Pick<LoadModelsOptions, 'tokenizer' | 'parts' | 'http' | 'signal'>,
  ): Promise<FolderFiles>;
  /** Published sizes, which are known by name without any file. */
  readonly published: Readonly<Record<string, () => PlannedPipeline>>;
}
