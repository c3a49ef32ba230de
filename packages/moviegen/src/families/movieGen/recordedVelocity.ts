// The velocity of a generation's flow, recorded once and replayed at every step without allocating: the branches of guidance
// as one batch, or one after the other. It is recorded anew where an interval of guidance begins or ends. Not here: streamed
// layers and caches, which cannot be recorded (streamedVelocity.ts).

import type { DiT } from '@moviegen/dit';
import { castKernel } from '@moviegen/kernels';
import { type Recording, Tensor } from '@moviegen/tensor';
import type { GuidedVelocity } from '../../generate/family.ts';
import type { Skipping } from '../../generate/skipping.ts';
import { type Branches, branchesThat, combined, spread } from './branches.ts';

/** What a velocity needs besides a transformer, branches and a shape. */
export interface RecordOptions {
  readonly skipping: Skipping;
  /** What is given, where it differs from call to call: [1, K, T, H, W]. It takes the place of the calls' own. */
  readonly raw?: Tensor | undefined;
  /** The time of the first step. */
  readonly begins: number;
}

/**
 * Records the guided velocity at latents of the given shape.
 * @param branches one call each where `skipping` has an interval of guidance
 * @param shape of the latents, [B, C, T, H, W].
 */
export function recordVelocity(
  dit: DiT,
  branches: Branches,
  shape: readonly number[],
  { skipping, raw, begins }: RecordOptions,
): GuidedVelocity {
  const { device } = dit;
  dit.preparePositions(shape);
  const x = Tensor.empty(device, shape, 'f32', 'x_t');
  const t = Tensor.empty(device, [1], 'f32', 't');
  const all = branches.scales.length + 1;
  let now: { readonly count: number; readonly recording: Recording<Tensor> } | undefined;
  const recordingOf = (count: number): Recording<Tensor> => {
    if (now?.count === count) return now.recording;
    now?.recording.destroy();
    now = undefined; // recording may throw
    const { calls, scales } = branchesThat(branches, count);
    const recording = device.record(() => {
      const seen = raw && dit.embedGiven(raw);
      const results = calls.map((call) =>
        dit.forward(spread(x, call), t, call.context, { given: seen ?? call.given }),
      );
      return combined(results, scales);
    });
    now = { count, recording };
    return recording;
  };
  const dispose = () => {
    now?.recording.destroy();
    x.dispose();
    t.dispose();
  };
  const first = skipping.branchesAt(begins, all);
  try {
    recordingOf(first);
  } catch (error) {
    dispose();
    throw error;
  }
  const copy = castKernel(x.size, 'f32', 'f32');
  return {
    velocity: (latents, time) => {
      const count = skipping.branchesAt(time, all);
      skipping.count(count, all);
      const recording = recordingOf(count);
      device.run(copy, [latents, x]);
      t.write([time]);
      return recording.run();
    },
    get last() {
      return { x, u: now!.recording.result };
    },
    computed: () => skipping.share,
    ready: () => recordingOf(first).ready(),
    dispose,
  };
}
