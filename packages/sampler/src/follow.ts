// The loop that all samplers share: one step after the other, with progress and stop, until the flow reaches data at t = 1.

import { orAborted, scopeAsync, Tensor } from '@moviegen/tensor';

/** Where sampling stands after a step. */
export interface SampleProgress {
  /** Steps done, from 1. */
  readonly step: number;
  /** Steps in all; undefined for `dopri5`, which cannot know. */
  readonly steps: number | undefined;
  /** The flow's time reached: 1 at the end. */
  readonly t: number;
  /** X_t. It lives until the callback ends, or until the callback's promise settles; the last one is the result. */
  readonly latents: Tensor;
}

/** Options of following a flow. */
export interface FollowOptions {
  /** Stops within a step: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after each step. The device's work may lag by one step; reading the latents waits for it. */
  readonly onStep?: (progress: SampleProgress) => void | Promise<void>;
}

/** The state of a solver: the flow's time, X_t, and whatever else it needs for the next step. */
export interface State {
  readonly t: number;
  readonly x: Tensor;
}

/** A way from noise to data. */
export interface Path<S extends State> {
  readonly steps?: number;
  start(x: Tensor): Promise<S>;
  advance(state: S, step: number): Promise<S>;
}

/** Runs a path to t = 1. The host is at most one step ahead of the device, so that a stop takes effect soon and memory stays flat. */
export async function follow<S extends State>(
  noise: Tensor,
  options: FollowOptions,
  path: Path<S>,
): Promise<Tensor> {
  const { signal, onStep } = options;
  const { device } = noise;
  signal?.throwIfAborted();
  let state = await scopeAsync(device, () => path.start(noise));
  let done = Promise.resolve();
  try {
    for (let step = 1; state.t < 1; step++) {
      const next = await scopeAsync(device, () => path.advance(state, step));
      release(state, [noise, ...tensorsOf(next)]);
      state = next;
      await orAborted(done, signal);
      done = device.sync();
      done.catch(() => {}); // the error is thrown where it is awaited; `onStep` may fail first, for the same reason
      await onStep?.({ step, steps: path.steps, t: state.t, latents: state.x });
    }
    await orAborted(done, signal);
  } catch (error) {
    release(state, [noise]);
    throw error;
  }
  release(state, [noise, state.x]);
  return state.x;
}

const tensorsOf = (state: object): Tensor[] =>
  Object.values(state).filter((value) => value instanceof Tensor);

function release(state: State, kept: readonly Tensor[]): void {
  for (const tensor of tensorsOf(state)) if (!kept.includes(tensor)) tensor.dispose();
}
