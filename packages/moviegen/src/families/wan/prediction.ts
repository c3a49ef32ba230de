// The guided prediction of a Wan model at every step: of one transformer, recorded where its layers stay on the device, or of
// two experts that take turns. Not here: the steps (sampling.ts).
//
// Legend: B videos, C latent channels, T h w latent frames, height, width.

import { castKernel } from '@moviegen/kernels';
import { combineBranches } from '@moviegen/sampler';
import { concat, guidance, type Recording, scopeAsync, Tensor } from '@moviegen/tensor';
import { StreamedWanTransformer, type WanContext } from '@moviegen/wan';
import type { GuidedVelocity } from '../../generate/family.ts';
import type { Skipping } from '../../generate/skipping.ts';
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
  /** @param branches of guidance that are computed */
  run(branches: number): Promise<Tensor>;
  ready(branches: number): Promise<void>;
  dispose(): void;
}

/** What a prediction needs besides experts and branches. */
export interface GuidedOptions {
  /** Where the second expert takes over. */
  readonly boundaryRatio: number | undefined;
  readonly skipping: Skipping;
  /** The time of the first step. */
  readonly begins: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The guided prediction at latents of a shape.
 * @param shape of the latents, [B, C, T, h, w]
 */
export function guidedPrediction(
  experts: Experts,
  branches: WanBranches,
  shape: readonly number[],
  { boundaryRatio, skipping, begins, signal }: GuidedOptions,
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
    skipping.reset();
    const model = await experts.get(expert, signal);
    const options = { x, t, scale: branches.scales[expert]!, skipping, signal };
    const prediction = await predictionOf(model, branches, options);
    now = { expert, prediction };
    return prediction;
  };
  const countAt = (time: number) => {
    const all = branches.scales[expertAt(time, boundaryRatio)]! > 1 ? 2 : 1;
    return { all, computed: skipping.branchesAt(time, all) } as const;
  };
  const { first } = branches.given;
  return {
    velocity: async (latents, time) => {
      const prediction = await predictionAt(time);
      device.run(copy, [latents, x]);
      t.write([time]);
      const { all, computed } = countAt(time);
      skipping.count(computed, all);
      await scopeAsync(device, async () => device.run(copy, [await prediction.run(computed), u]));
      return u;
    },
    last: { x, u },
    computed: () => skipping.share,
    ready: async () => (await predictionAt(begins)).ready(countAt(begins).computed),
    ...(first && { finish: (latents: Tensor) => withFirst(latents, first) }),
    dispose: () => {
      now?.prediction.dispose();
      for (const one of [x, u, t, skipping]) one.dispose();
    },
  };
}

interface PredictionOptions {
  readonly x: Tensor;
  readonly t: Tensor;
  readonly scale: number;
  readonly skipping: Skipping;
  readonly signal: AbortSignal | undefined;
}

async function predictionOf(
  model: Transformer,
  { texts, given }: WanBranches,
  { x, t, scale, skipping, signal }: PredictionOptions,
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
    const last = contexts.length - 1; // of the prompts
    const doubled = (latents: Tensor) => (B === 1 ? latents : concat([latents, latents], { axis: 0 })); // one sample is shared by both branches
    model.preparePositions([B, model.config.inChannels, ...x.shape.slice(2)]);
    if (model instanceof StreamedWanTransformer || skipping.caches) {
      const forward = (latents: Tensor, context: number, branches: number = 1) =>
        skipping.pass(context, branches, (cache) =>
          model.forwardAsync(latents, t, contexts[context]!, { ...options, signal, cache }),
        );
      const run = async (branches: number) => {
        const latents = seen();
        if (branches === 1) return forward(latents, last);
        if (last === 0) return combineBranches(await forward(doubled(latents), 0, 2), scale);
        const negative = await forward(latents, 0);
        return guidance(negative, await forward(latents, 1), scale);
      };
      return { run, ready: async () => {}, dispose: release };
    }
    // Recorded anew where an interval of guidance begins or ends.
    let now: { readonly branches: number; readonly recording: Recording<Tensor> } | undefined;
    const recordingOf = (branches: number): Recording<Tensor> => {
      if (now?.branches === branches) return now.recording;
      now?.recording.destroy();
      now = undefined; // recording may throw
      const recording = device.record(() => {
        const forward = (latents: Tensor, to: number) => model.forward(latents, t, contexts[to]!, options);
        const latents = seen();
        if (branches === 1) return forward(latents, last);
        if (last === 0) return combineBranches(forward(doubled(latents), 0), scale);
        return guidance(forward(latents, 0), forward(latents, 1), scale);
      });
      now = { branches, recording };
      return recording;
    };
    return {
      run: async (branches) => recordingOf(branches).run(),
      ready: (branches) => recordingOf(branches).ready(),
      dispose: () => {
        now?.recording.destroy();
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
