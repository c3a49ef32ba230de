// Takes a group of prompts through the models together: text and flow. Not here: decoding (autoencode.ts).
//
// Legend: B videos made together, C latent channels, T H W the latent's frames, height, width.

import { concat, type Device, orAborted, randn, scope, Tensor } from '@moviegen/tensor';
import type { Frames } from '../video/frames.ts';
import type { Disposable, GuidedVelocity, VideoModels } from './family.ts';
import { type Latents, readLatents, uploadLatents } from './latents.ts';
import { projectLatents } from './preview.ts';
import type { Phase, Progress } from './progress.ts';
import type { GenerationRequest, RequestedVideo } from './request.ts';

/** Progress without the numbers that say which group it is. */
export type GroupTold = DistributiveOmit<Exclude<Progress, { phase: 'load' | 'upscale' }>, 'first' | 'count'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** What sampling a group needs besides models and request. */
export interface GroupOptions {
  /** What `encodeGiven` gave; it stays the caller's. */
  readonly inputs: Disposable;
  /** The video that is started from, where one is. */
  readonly start?: Latents | undefined;
  readonly tell: (progress: GroupTold) => Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/** Latents of a video of a group. */
export interface Sampled {
  readonly latents: Latents;
  /** Seconds per phase; videos of a group share them. */
  readonly timings: Readonly<Record<Exclude<Phase, 'load' | 'decode'>, number>>;
  /** See `Generation.computed`. */
  readonly computed: number | undefined;
}

/** Samples the latents of a group's videos; afterwards only the models hold memory. */
export async function sampleGroup(
  models: VideoModels,
  videos: readonly RequestedVideo[],
  request: GenerationRequest,
  options: GroupOptions,
): Promise<Sampled[]> {
  const { device } = models;
  const { inputs, start, tell, signal } = options;
  const clock = stopwatch();
  const owned: { dispose(): void }[] = [];
  const own = <T extends { dispose(): void }>(value: T): T => {
    owned.push(value);
    return value;
  };
  try {
    await tell({ phase: 'text' });
    const conditions = own(await models.encodePrompts(videos, request, inputs, signal));
    await orAborted(device.sync(), signal);
    const text = clock();

    await tell({ phase: 'compile' });
    const noise = own(noiseOf(device, videos, request));
    const begin = start === undefined ? noise : own(startOf(start, noise, request));
    const guided = own(models.guidedVelocity(conditions, noise.shape, request, signal));
    await orAborted(guided.ready(), signal);
    const compile = clock();

    const data = own(await follow(begin, guided, models, request, options)); // [B, C, T, H, W]
    const batch = guided.finish ? own(guided.finish(data)) : data;
    const computed = guided.computed?.();
    for (const used of [conditions, noise, begin, guided]) used.dispose();
    const latents = await readLatents(batch);
    const timings = { text, compile, sample: clock() };
    return latents.map((one) => ({ latents: one, timings, computed }));
  } finally {
    for (const value of owned) value.dispose();
    device.trim();
  }
}

/** X_0, each video's own: [B, C, T, H, W]. */
function noiseOf(
  device: Device,
  videos: readonly RequestedVideo[],
  { latentShape }: GenerationRequest,
): Tensor {
  const shape = [1, ...latentShape];
  return scope(device, () => {
    const each = videos.map(({ seed, noise }) =>
      noise === undefined ? randn(device, shape, { seed }) : Tensor.from(device, noise.data, shape),
    );
    return each.length === 1 ? each[0]! : concat(each, { axis: 0 });
  });
}

/** Where the path of each video begins that is started from another: [B, C, T, H, W]. */
function startOf(start: Latents, noise: Tensor, { path }: GenerationRequest): Tensor {
  const { device } = noise;
  return scope(device, () => {
    const data = uploadLatents(start, device, 0, start.shape[1]);
    return path.start(data, noise);
  });
}

/** From a path's start to data along the guided flow. */
async function follow(
  start: Tensor,
  guided: GuidedVelocity,
  models: VideoModels,
  { path }: GenerationRequest,
  { tell, signal }: GroupOptions,
): Promise<Tensor> {
  let asked = 0; // the time at the last call of the velocity
  const preview = async (): Promise<Frames[]> => {
    const end = path.predict(guided.last.x, guided.last.u, asked);
    const latents = readLatents(end);
    end.dispose();
    const map = await models.latentProjection();
    return (await latents).map((one) => projectLatents(one, map));
  };
  const { steps } = path;
  await tell({ phase: 'sample', step: 0, steps, t: 0, preview, latents: () => readLatents(start) });
  return path.follow(
    (x, t) => {
      asked = t;
      return guided.velocity(x, t);
    },
    start,
    {
      signal,
      onStep: ({ step, steps, t, latents }) =>
        tell({ phase: 'sample', step, steps, t, preview, latents: () => readLatents(latents) }),
    },
  );
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
