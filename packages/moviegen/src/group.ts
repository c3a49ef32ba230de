// A group of prompts through the models together: text and flow. Not here: decoding (autoencode.ts).
//
// Legend: B videos made together, C latent channels, T H W the latent's frames, height, width.

import { type Context, StreamedDiT, type TextStates, type VelocityModel } from '@moviegen/dit';
import { sample } from '@moviegen/sampler';
import { concat, eulerStep, orAborted, randn, scope, scopeAsync, slice, Tensor } from '@moviegen/tensor';
import type { Guidance, Job, Plan } from './generateOptions.ts';
import { type RecordedVelocity, recordVelocity } from './guidedVelocity.ts';
import { type Latents, readLatents } from './latents.ts';
import type { Models } from './models.ts';
import { type LatentProjection, projectLatents } from './preview.ts';
import type { Phase, Progress } from './progress.ts';
import { streamedVelocity } from './streamedVelocity.ts';
import type { Frames } from './video/frames.ts';

/** Progress without what tells the group from others. */
export type GroupTold = DistributiveOmit<Exclude<Progress, { phase: 'load' }>, 'first' | 'count'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** What a group needs besides the models. */
export interface GroupOptions {
  readonly tell: (progress: GroupTold) => Promise<void>;
  readonly signal: AbortSignal | undefined;
  /** For previews; asked for at the first one. */
  readonly projection: () => Promise<LatentProjection>;
}

/** Latents of a video of a group. */
export interface Sampled {
  readonly latents: Latents;
  /** Seconds a phase; videos of a group share them. */
  readonly timings: Readonly<Record<Exclude<Phase, 'load' | 'decode'>, number>>;
}

/** Samples the latents of a group's videos; all memory but the models' is given back. */
export async function sampleGroup(
  models: Models,
  jobs: readonly Job[],
  plan: Plan,
  options: GroupOptions,
): Promise<Sampled[]> {
  const { dit } = models;
  const { device } = dit;
  const { tell, signal } = options;
  const clock = stopwatch();
  const owned: { dispose(): void }[] = [];
  const own = <T extends { dispose(): void }>(value: T): T => {
    owned.push(value);
    return value;
  };
  try {
    await tell({ phase: 'text' });
    const contexts = (await contextsOf(models, jobs, plan, signal)).map(own);
    await orAborted(device.sync(), signal);
    const text = clock();

    await tell({ phase: 'compile' });
    const noise = own(noiseOf(models, jobs, plan));
    const { shape } = noise;
    const recorded = own(
      dit instanceof StreamedDiT
        ? streamedVelocity(dit, contexts, shape, plan.guidanceScale, signal)
        : recordVelocity(dit, contexts, shape, plan.guidanceScale),
    );
    await orAborted(recorded.ready(), signal);
    const compile = clock();

    const batch = own(await follow(noise, recorded, plan, options)); // [B, C, T, H, W]
    for (const used of [...contexts, noise, recorded]) used.dispose();
    const latents = await readLatents(batch);
    const timings = { text, compile, sample: clock() };
    return latents.map((one) => ({ latents: one, timings }));
  } finally {
    for (const value of owned) value.dispose();
    device.trim();
  }
}

/** Bytes of a batch's activations of one kind, up to which both branches of guidance share the batch by default. */
const BATCHED_BYTES = 2 ** 29;

/** How the branches of guidance are computed: as was asked for, or by the size of the activations. */
export function guidanceOf(
  { config, dtype }: Pick<VelocityModel, 'config' | 'dtype'>,
  { guidance, batch, latentShape: [, T, H, W] }: Pick<Plan, 'guidance' | 'batch' | 'latentShape'>,
): Guidance {
  if (guidance !== undefined) return guidance;
  const tokens = (T * H * W) / config.patchSize.reduce((a, b) => a * b);
  const bytes = 2 * batch * tokens * config.hiddenSize * (dtype === 'f16' ? 2 : 4);
  return bytes > BATCHED_BYTES ? 'sequential' : 'batched';
}

/**
 * What cross-attention needs of the prompts, and of the null or negative prompts before them, where there is guidance:
 * in one context, or one for each branch.
 */
async function contextsOf(
  { text, dit }: Models,
  jobs: readonly Job[],
  plan: Plan,
  signal: AbortSignal | undefined,
): Promise<Context[]> {
  const { fps, guidanceScale } = plan;
  const guidance = guidanceOf(dit, plan);
  const prompts = jobs.map(({ prompt }) => prompt);
  const negatives = guidanceScale === 1 ? [] : jobs.map(({ negativePrompt }) => negativePrompt);
  const states = text.encode([...negatives, ...prompts], { fps });
  const branch = (from: number, to: number): Promise<Context> =>
    scopeAsync(dit.device, async () => {
      const rows = rowsOf(states, from, to);
      return dit instanceof StreamedDiT ? dit.contextAsync(rows, { signal }) : dit.context(rows);
    });
  const [B, rows] = [prompts.length, negatives.length + prompts.length];
  const cuts = rows === B || guidance === 'batched' ? [0, rows] : [0, B, rows];
  const contexts: Context[] = [];
  try {
    for (const [i, to] of cuts.slice(1).entries()) contexts.push(await branch(cuts[i]!, to));
    return contexts;
  } catch (error) {
    for (const context of contexts) context.dispose();
    throw error;
  } finally {
    for (const { states: tensor } of Object.values(states)) tensor.dispose();
  }
}

/** The states of some of the prompts. */
function rowsOf(all: TextStates, from: number, to: number): TextStates {
  const rows = Object.entries(all).map(([name, { states, lengths }]) => [
    name,
    { states: slice(states, { start: [from], end: [to] }), lengths: lengths.slice(from, to) },
  ]);
  return Object.fromEntries(rows);
}

/** X_0, each video's own: [B, C, T, H, W]. */
function noiseOf({ dit: { device } }: Models, jobs: readonly Job[], { latentShape }: Plan): Tensor {
  const shape = [1, ...latentShape];
  return scope(device, () => {
    const each = jobs.map(({ seed, noise }) =>
      noise === undefined ? randn(device, shape, { seed }) : Tensor.from(device, noise.data, shape),
    );
    return each.length === 1 ? each[0]! : concat(each, { axis: 0 });
  });
}

/** From noise to data along the guided flow. */
async function follow(
  noise: Tensor,
  recorded: RecordedVelocity,
  { schedule, solver }: Plan,
  { tell, signal, projection }: GroupOptions,
): Promise<Tensor> {
  const steps = schedule && schedule.length - 1;
  let asked = 0; // the time of the last velocity
  const preview = async () => previewOf(recorded, asked, projection);
  await tell({ phase: 'sample', step: 0, steps, t: 0, preview, latents: () => readLatents(noise) });
  return sample(
    (x, t) => {
      asked = t;
      return recorded.velocity(x, t);
    },
    noise,
    {
      solver,
      ...(schedule && { schedule }),
      ...(signal && { signal }),
      onStep: ({ step, steps, t, latents }) =>
        tell({ phase: 'sample', step, steps, t, preview, latents: () => readLatents(latents) }),
    },
  );
}

/** Pictures of where the flow is heading: x + (1 - t) u, the end of a straight path. */
async function previewOf(
  { last: { x, u } }: RecordedVelocity,
  time: number,
  projection: () => Promise<LatentProjection>,
): Promise<Frames[]> {
  const end = eulerStep(x, u, 1 - time);
  const latents = readLatents(end);
  end.dispose();
  const map = await projection();
  return (await latents).map((one) => projectLatents(one, map));
}

/** Seconds since the last call. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const begun = last;
    last = performance.now();
    return (last - begun) / 1000;
  };
}
