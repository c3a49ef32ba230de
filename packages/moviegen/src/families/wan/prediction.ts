// The guided prediction of a Wan model at every step: of one transformer, recorded where its layers stay on the device, or of
// two experts that take turns. Not here: the steps (sampling.ts).
//
// Legend: B videos, C latent channels, T h w latent frames, height, width.

import { castKernel } from '@moviegen/kernels';
import { combineBranches } from '@moviegen/sampler';
import { concat, guidance, scopeAsync, Tensor } from '@moviegen/tensor';
import { StreamedWanTransformer, type WanContext } from '@moviegen/wan';
import type { GuidedVelocity } from '../../generate/family.ts';
import { type Experts, expertAt, type Transformer } from './experts.ts';
import { type GivenLatents, repeated, withFirst } from './given.ts';
import { type HostStates, uploadStates } from './promptStates.ts';

/** What guides a generation: the states of one prompt per video, for the branches of guidance. */
export interface WanBranches {
  /** One list per context: both branches in one, negative prompts first; or one each; or the prompts alone. */
  readonly texts: readonly (readonly HostStates[])[];
  readonly given: GivenLatents;
  /** Of the first and of the second expert. */
  readonly scales: readonly [number, number];
}

/** The prediction by one transformer. */
interface Prediction {
  run(): Promise<Tensor>;
  ready(): Promise<void>;
  dispose(): void;
}

/**
 * The guided prediction at latents of a shape.
 * @param shape of the latents, [B, C, T, h, w]
 * @param boundaryRatio where the second expert takes over
 */
export function guidedPrediction(
  experts: Experts,
  branches: WanBranches,
  shape: readonly number[],
  boundaryRatio: number | undefined,
  signal: AbortSignal | undefined,
  firstTime: number,
): GuidedVelocity {
  const { device } = experts;
  const [x, u] = [
    Tensor.empty(device, shape, 'f32', 'x_t'),
    Tensor.empty(device, shape, 'f32', 'prediction'),
  ];
  const t = Tensor.empty(device, [1], 'f32', 't');
  const copy = castKernel(x.size, 'f32', 'f32');
  let now: { readonly expert: number; readonly prediction: Prediction } | undefined;
  const predictionAt = async (time: number): Promise<Prediction> => {
    const expert = expertAt(time, boundaryRatio);
    if (now?.expert === expert) return now.prediction;
    now?.prediction.dispose(); // before its expert goes
    now = undefined;
    const model = await experts.get(expert, signal);
    const prediction = await predictionOf(model, branches, { x, t, scale: branches.scales[expert]!, signal });
    now = { expert, prediction };
    return prediction;
  };
  const { first } = branches.given;
  return {
    velocity: async (latents, time) => {
      const prediction = await predictionAt(time);
      device.run(copy, [latents, x]);
      t.write([time]);
      await scopeAsync(device, async () => device.run(copy, [await prediction.run(), u]));
      return u;
    },
    last: { x, u },
    ready: async () => (await predictionAt(firstTime)).ready(),
    ...(first && { finish: (latents: Tensor) => withFirst(latents, first) }),
    dispose: () => {
      now?.prediction.dispose();
      for (const tensor of [x, u, t]) tensor.dispose();
    },
  };
}

interface PredictionOptions {
  readonly x: Tensor;
  readonly t: Tensor;
  readonly scale: number;
  readonly signal: AbortSignal | undefined;
}

async function predictionOf(
  model: Transformer,
  { texts, given }: WanBranches,
  { x, t, scale, signal }: PredictionOptions,
): Promise<Prediction> {
  const { device } = model;
  const [B] = x.shape as [number];
  const contexts: WanContext[] = [];
  const release = () => {
    for (const context of contexts) context.dispose();
  };
  /** What the model sees: the noise with what is given in its place or beside it. */
  const seen = (): Tensor => {
    const latents = given.first ? withFirst(x, given.first) : x;
    return given.beside ? concat([latents, repeated(given.beside, B)], { axis: 1 }) : latents;
  };
  const options = { firstFrameClean: given.first !== undefined };
  try {
    for (const states of texts) contexts.push(await contextOf(model, states, given.image, signal));
    const [context, prompts] = contexts as [WanContext, WanContext?];
    const doubled = (latents: Tensor) => (B === 1 ? latents : concat([latents, latents], { axis: 0 })); // one sample is shared by both branches
    model.preparePositions([B, model.config.inChannels, ...x.shape.slice(2)]);
    if (model instanceof StreamedWanTransformer) {
      const forward = (latents: Tensor, to: WanContext) =>
        model.forwardAsync(latents, t, to, { ...options, signal });
      const run = async () => {
        const latents = seen();
        if (scale <= 1) return forward(latents, prompts ?? context);
        if (prompts === undefined) return combineBranches(await forward(doubled(latents), context), scale);
        const negative = await forward(latents, context);
        return guidance(negative, await forward(latents, prompts), scale);
      };
      return { run, ready: async () => {}, dispose: release };
    }
    const recording = device.record(() => {
      const forward = (latents: Tensor, to: WanContext) => model.forward(latents, t, to, options);
      const latents = seen();
      if (scale <= 1) return forward(latents, prompts ?? context);
      if (prompts === undefined) return combineBranches(forward(doubled(latents), context), scale);
      return guidance(forward(latents, context), forward(latents, prompts), scale);
    });
    return {
      run: async () => recording.run(),
      ready: () => recording.ready(),
      dispose: () => {
        recording.destroy();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** The keys and values of prompts, from their states on the host. */
async function contextOf(
  model: Transformer,
  texts: readonly HostStates[],
  image: Tensor | undefined,
  signal: AbortSignal | undefined,
): Promise<WanContext> {
  const { states, lengths } = uploadStates(model.device, texts);
  try {
    const conditions = { states, lengths, image };
    return model instanceof StreamedWanTransformer
      ? await model.contextAsync(conditions, { signal })
      : model.context(conditions);
  } finally {
    states.dispose();
  }
}
