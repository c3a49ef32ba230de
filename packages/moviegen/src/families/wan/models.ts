// The loaded models of Wan, as the pipeline uses them: umT5 by its files, one transformer or two experts, the causal autoencoder.
// Not here: how they are loaded (load.ts), the guided prediction (prediction.ts).

import type { Device } from '@moviegen/tensor';
import type { WanAutoencoder, WanTransformerConfig } from '@moviegen/wan';
import { InputError } from '../../errors.ts';
import type { GuidedVelocity, VideoModels } from '../../generate/family.ts';
import type { Job } from '../../generate/jobs.ts';
import type { LatentProjection } from '../../generate/preview.ts';
import { projectionOf } from '../../generate/projection.ts';
import type { PromptStatesRule, TextStates } from '../../generate/promptStates.ts';
import type {
  GenerationDefaults,
  GenerationRequest,
  Geometry,
  Guidance,
  RequestedVideo,
  Sampling,
} from '../../generate/request.ts';
import { Skipping } from '../../generate/skipping.ts';
import type { EncodePictures } from '../imageTower.ts';
import type { WanSwitches } from './configs.ts';
import type { Experts } from './experts.ts';
import { besideLatents, firstLatent, type GivenLatents, NOTHING } from './given.ts';
import { guidedPrediction, type WanBranches } from './prediction.ts';
import type { HostStates, PromptEncoder } from './promptStates.ts';

/** Up to this size of one activation of the double batch, the branches of guidance share one batch by default. */
const BATCHED_BYTES = 2 ** 29;

/** The states of a group of prompts, on the host. */
export interface WanPrompts extends WanBranches {
  dispose(): void;
}

/** What `WanModels` is made of. */
export interface WanParts {
  readonly index: GenerationDefaults;
  readonly files: WanSwitches;
  readonly config: WanTransformerConfig;
  readonly dtype: 'f32' | 'f16';
  /** Absent where the checkpoint was opened without its text encoder. */
  readonly prompts: PromptEncoder | undefined;
  readonly experts: Experts;
  readonly autoencoder: WanAutoencoder;
  /** Where the model reads an image tower. */
  readonly encodePictures: EncodePictures | undefined;
  readonly geometry: Geometry;
  readonly sampling: Sampling;
  /** Closes the files that are read at every generation. */
  readonly close: () => void;
}

/** Wan's models on a device. */
export class WanModels implements VideoModels<WanPrompts, GivenLatents> {
  readonly jobs: readonly Job[];
  readonly tasks: readonly string[] = [];
  readonly index: GenerationDefaults;
  readonly geometry: Geometry;
  readonly sampling: Sampling;
  readonly promptStates: PromptStatesRule;
  readonly autoencoder: WanAutoencoder;
  readonly #parts: WanParts;
  #projection: Promise<LatentProjection> | undefined;

  constructor(parts: WanParts) {
    this.#parts = parts;
    this.index = parts.index;
    this.geometry = parts.geometry;
    this.sampling = parts.sampling;
    this.promptStates = { width: parts.config.textDim, needed: parts.prompts === undefined };
    this.autoencoder = parts.autoencoder;
    this.jobs = jobsOf(parts.config, parts.files);
  }

  get device(): Device {
    return this.autoencoder.device;
  }

  async encodeGiven(request: GenerationRequest, signal?: AbortSignal): Promise<GivenLatents> {
    const { image, lastImage, job } = request.given;
    const { config, encodePictures } = this.#parts;
    if (job !== 'image' && job !== 'lastImage') return NOTHING;
    if (this.#parts.files.expandTimesteps) {
      const first = await firstLatent(this.autoencoder, image!);
      return { first, dispose: () => first.dispose() };
    }
    if (config.posEmbedTokens !== undefined && (image === undefined || lastImage === undefined))
      throw new InputError('generate: this checkpoint goes from a first to a last image: give both');
    const beside = await besideLatents(this.autoencoder, { image, lastImage }, request, signal);
    try {
      const pictures = [image, lastImage].filter((picture) => picture !== undefined);
      const states = await encodePictures?.(pictures, signal);
      return {
        beside,
        ...(states && { image: states }),
        dispose: () => {
          beside.dispose();
          states?.dispose();
        },
      };
    } catch (error) {
      beside.dispose();
      throw error;
    }
  }

  async encodePrompts(
    videos: readonly RequestedVideo[],
    request: GenerationRequest,
    given: GivenLatents,
    signal?: AbortSignal,
  ): Promise<WanPrompts> {
    const scales = scalesOf(request);
    const prompts = videos.map(({ prompt }) => prompt);
    const guided = scales.some((scale) => scale > 1);
    const always = scales.every((scale) => scale > 1);
    const negatives = guided ? videos.map(({ negativePrompt }) => negativePrompt) : [];
    const texts = [...negatives, ...prompts];
    const states = request.states
      ? texts.map((text) => hostStates(request.states!.get(text)!))
      : await this.#parts.prompts!.encode(texts, signal);
    const [before, after] = [states.slice(0, negatives.length), states.slice(negatives.length)];
    const apart = guided && !(always && this.guidanceOf(request) === 'batched');
    return { texts: apart ? [before, after] : [states], given, scales, dispose() {} };
  }

  promptNotes({ prompt, negativePrompt }: RequestedVideo): string[] {
    const { prompts } = this.#parts;
    if (prompts === undefined) return [];
    return [...prompts.notes('the prompt', prompt), ...prompts.notes('the negative prompt', negativePrompt)];
  }

  guidedVelocity(
    branches: WanPrompts,
    shape: readonly number[],
    request: GenerationRequest,
    signal?: AbortSignal,
  ): GuidedVelocity {
    const { experts, files, config } = this.#parts;
    const { boundaryRatio } = files;
    const skipping = new Skipping(request, config.numLayers);
    const { begins } = request.path;
    return guidedPrediction(experts, branches, shape, { boundaryRatio, skipping, begins, signal });
  }

  guidanceOf({
    guidance,
    batch,
    latentShape,
  }: Pick<GenerationRequest, 'guidance' | 'batch' | 'latentShape'>): Guidance {
    if (guidance !== undefined) return guidance;
    // Two experts may have different scales, one of them off: then the branches are apart.
    const { config, dtype, files } = this.#parts;
    const bytes =
      2 * batch * this.geometry.tokens(latentShape) * config.hiddenSize * (dtype === 'f16' ? 2 : 4);
    return bytes > BATCHED_BYTES || files.boundaryRatio !== undefined ? 'sequential' : 'batched';
  }

  latentProjection(): Promise<LatentProjection> {
    this.#projection ??= projectionOf(this.autoencoder);
    return this.#projection;
  }

  dispose(): void {
    this.#parts.experts.dispose();
    this.autoencoder.dispose();
    this.#parts.close();
  }
}

/** What a checkpoint can do, by its channels and its image tower. */
export function jobsOf(
  { inChannels, outChannels, imageDim, posEmbedTokens }: WanTransformerConfig,
  { expandTimesteps }: WanSwitches,
): Job[] {
  if (expandTimesteps) return ['text', 'video', 'image'];
  if (inChannels === outChannels) return ['text', 'video'];
  return imageDim === undefined || posEmbedTokens !== undefined ? ['image', 'lastImage'] : ['image'];
}

const hostStates = ({ data, shape: [length, width] }: TextStates): HostStates => ({ data, length, width });

/** Guidance of both experts. */
const scalesOf = ({ guidanceScale, guidanceScale2 }: GenerationRequest): [number, number] => [
  guidanceScale,
  guidanceScale2 ?? guidanceScale,
];
