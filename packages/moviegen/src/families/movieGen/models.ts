// The loaded models of Movie Gen, as the pipeline uses them: three text encoders, the diffusion transformer, the temporal
// autoencoder. Not here: how they are loaded (load.ts).

import { StreamedDiT, type VelocityModel } from '@moviegen/dit';
import type { TAE } from '@moviegen/tae';
import type { Device, Tensor } from '@moviegen/tensor';
import type { TextEncoders } from '@moviegen/text';
import type { GuidedVelocity, VideoAutoencoder, VideoModels } from '../../generate/family.ts';
import type { Job } from '../../generate/jobs.ts';
import type { LatentProjection } from '../../generate/preview.ts';
import { projectionOf } from '../../generate/projection.ts';
import type {
  GenerationRequest,
  Geometry,
  Guidance,
  RequestedVideo,
  Sampling,
} from '../../generate/request.ts';
import { Skipping, type SkipRequest } from '../../generate/skipping.ts';
import type { EncodePictures } from '../imageTower.ts';
import { videoAutoencoder } from './autoencoder.ts';
import type { Branches } from './branches.ts';
import { type Conditions, conditionsOf, guidanceOf, promptNotes } from './conditions.ts';
import { geometryOf } from './geometry.ts';
import { encodeGiven, type GivenLatents, jobsOf } from './given.ts';
import type { ModelIndex } from './modelIndex.ts';
import { recordVelocity } from './recordedVelocity.ts';
import { samplingOf } from './sampling.ts';
import { streamedVelocity } from './streamedVelocity.ts';

/** Movie Gen's models on a device. */
export class MovieGenModels implements VideoModels<Conditions, GivenLatents> {
  readonly jobs: readonly Job[];
  readonly tasks: readonly string[];
  readonly autoencoder: VideoAutoencoder;
  readonly geometry: Geometry;
  readonly sampling: Sampling;
  readonly #close: () => void;
  #projection: Promise<LatentProjection> | undefined;

  /**
   * @param encodePictures of a transformer that reads a reference picture
   * @param close releases the files that are still read.
   */
  constructor(
    readonly index: ModelIndex,
    readonly text: TextEncoders,
    readonly dit: VelocityModel,
    readonly tae: TAE,
    readonly encodePictures: EncodePictures | undefined,
    close: () => void,
  ) {
    this.jobs = jobsOf(dit.config);
    this.tasks = dit.config.tasks;
    this.autoencoder = videoAutoencoder(tae, dit.config.firstFrame);
    this.geometry = geometryOf(dit.config, tae);
    this.sampling = samplingOf(index.sampler);
    this.#close = close;
  }

  get device(): Device {
    return this.dit.device;
  }

  encodeGiven(request: GenerationRequest, signal?: AbortSignal): Promise<GivenLatents> {
    return encodeGiven(this, request, signal);
  }

  encodePrompts(
    videos: readonly RequestedVideo[],
    request: GenerationRequest,
    given: GivenLatents,
    signal?: AbortSignal,
  ): Promise<Conditions> {
    return conditionsOf(this, videos, request, given, signal);
  }

  promptNotes(video: RequestedVideo, request: GenerationRequest): string[] {
    return promptNotes(this.text, video, request);
  }

  guidedVelocity(
    conditions: Conditions,
    shape: readonly number[],
    request: GenerationRequest,
    signal?: AbortSignal,
  ): GuidedVelocity {
    return velocityOf(this.dit, conditions, shape, { request, signal });
  }

  guidanceOf(request: GenerationRequest): Guidance {
    return guidanceOf(this.dit, request);
  }

  latentProjection(): Promise<LatentProjection> {
    this.#projection ??= projectionOf(this.tae);
    return this.#projection;
  }

  dispose(): void {
    for (const model of [this.text, this.dit, this.tae]) model.dispose();
    this.#close();
  }
}

/** What a velocity needs besides a transformer, branches and a shape. */
interface VelocityOptions {
  /** What is left out. */
  readonly request: SkipRequest;
  readonly raw?: Tensor | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The velocity of a transformer that is whole on the device, or of one whose layers are streamed. See `recordVelocity`. */
export function velocityOf(
  dit: VelocityModel,
  branches: Branches,
  shape: readonly number[],
  { request, raw, signal }: VelocityOptions,
): GuidedVelocity {
  const skipping = new Skipping(request, dit.config.numLayers);
  if (dit instanceof StreamedDiT || skipping.caches)
    return streamedVelocity(dit, branches, shape, { skipping, raw, signal });
  return recordVelocity(dit, branches, shape, { skipping, raw, begins: request.path.begins });
}
