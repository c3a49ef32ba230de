// The velocity of a generation's flow, recorded once and replayed at every step without allocating: both branches of guidance
// as one batch, or one after the other. Not here: streamed layers, which cannot be recorded (streamedVelocity.ts).

import type { DiT } from '@moviegen/dit';
import { castKernel } from '@moviegen/kernels';
import { type Recording, Tensor } from '@moviegen/tensor';
import type { GuidedVelocity } from '../../generate/family.ts';
import { type Branches, combined, spread } from './branches.ts';

/**
 * Records the guided velocity at latents of the given shape.
 * @param shape of the latents, [B, C, T, H, W].
 * @param raw what is given, where it differs from call to call: [1, K, T, H, W]. It takes the place of the calls' own.
 */
export function recordVelocity(
  dit: DiT,
  { calls, scales }: Branches,
  shape: readonly number[],
  raw?: Tensor,
): GuidedVelocity {
  const { device } = dit;
  dit.preparePositions(shape);
  const x = Tensor.empty(device, shape, 'f32', 'x_t');
  const t = Tensor.empty(device, [1], 'f32', 't');
  let recording: Recording<Tensor> | undefined;
  const dispose = () => {
    recording?.destroy();
    x.dispose();
    t.dispose();
  };
  try {
    recording = device.record(() => {
      const seen = raw && dit.embedGiven(raw);
      const results = calls.map((call) =>
        dit.forward(spread(x, call), t, call.context, { given: seen ?? call.given }),
      );
      return combined(results, scales);
    });
  } catch (error) {
    dispose();
    throw error;
  }
  const { run, result, ready } = bound(recording);
  const copy = castKernel(x.size, 'f32', 'f32');
  return {
    velocity: (now, time) => {
      device.run(copy, [now, x]);
      t.write([time]);
      return run();
    },
    last: { x, u: result },
    ready,
    dispose,
  };
}

const bound = <T>(recording: Recording<T>) => ({
  run: () => recording.run(),
  ready: () => recording.ready(),
  result: recording.result,
});
