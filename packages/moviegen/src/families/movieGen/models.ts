// The loaded models of Movie Gen, as the pipeline uses them: three text encoders, the diffusion transformer, the temporal
// autoencoder. Not here: how they are loaded (load.ts).

import { type Context, StreamedDiT, type VelocityModel } from '@moviegen/dit';
import type { TAE } from '@moviegen/tae';
import type { Device } from '@moviegen/tensor';
import type { TextEncoders } from '@moviegen/text';
import type { Disposable, GuidedVelocity, VideoAutoencoder, VideoModels } from '../../generate/family.ts';
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
import { videoAutoencoder } from './autoencoder.ts';
import { contextsOf, guidanceOf, promptNotes } from './conditions.ts';
import { geometryOf } from './geometry.ts';
import type { ModelIndex } from './modelIndex.ts';
import { recordVelocity } from './recordedVelocity.ts';
import { samplingOf } from './sampling.ts';
import { streamedVelocity } from './streamedVelocity.ts';

/** The contexts of a group of prompts: one for both branches of guidance, or one per branch. */
export interface Contexts {
  readonly contexts: readonly Context[];
  dispose(): void;
}

/** Movie Gen's models on a device. */
export class MovieGenModels implements VideoModels<Contexts> {
  readonly jobs: readonly Job[] = ['text', 'video'];
  readonly tasks: readonly string[] = [];
  readonly autoencoder: VideoAutoencoder;
  readonly geometry: Geometry;
  readonly sampling: Sampling;
  readonly #close: () => void;
  #projection: Promise<LatentProjection> | undefined;

  /** @param close releases the files that are still read. */
  constructor(
    readonly index: ModelIndex,
    readonly text: TextEncoders,
    readonly dit: VelocityModel,
    readonly tae: TAE,
    close: () => void,
  ) {
    this.autoencoder = videoAutoencoder(tae);
    this.geometry = geometryOf(dit.config, tae);
    this.sampling = samplingOf(index.sampler);
    this.#close = close;
  }

  get device(): Device {
    return this.dit.device;
  }

  async encodeGiven(): Promise<Disposable> {
    return { dispose() {} };
  }

  async encodePrompts(
    videos: readonly RequestedVideo[],
    request: GenerationRequest,
    _inputs: Disposable,
    signal?: AbortSignal,
  ): Promise<Contexts> {
    const contexts = await contextsOf(this, videos, request, signal);
    return {
      contexts,
      dispose: () => {
        for (const context of contexts) context.dispose();
      },
    };
  }

  promptNotes(video: RequestedVideo, request: GenerationRequest): string[] {
    return promptNotes(this.text, video, request);
  }

  guidedVelocity(
    { contexts }: Contexts,
    shape: readonly number[],
    { guidanceScale }: GenerationRequest,
    signal?: AbortSignal,
  ): GuidedVelocity {
    const { dit } = this;
    if (dit instanceof StreamedDiT) return streamedVelocity(dit, contexts, shape, guidanceScale, signal);
    return recordVelocity(dit, contexts, shape, guidanceScale);
  }

  guidanceOf(request: Pick<GenerationRequest, 'guidance' | 'batch' | 'latentShape'>): Guidance {
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
