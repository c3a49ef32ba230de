// The velocity of a generation's flow, recorded once and replayed at every step without allocating: both branches of guidance
// as one batch, or one after the other. Not here: streamed layers, which cannot be recorded (streamedVelocity.ts).

import type { Context, DiT } from '@moviegen/dit';
import { castKernel } from '@moviegen/kernels';
import { combineBranches } from '@moviegen/sampler';
import { concat, guidance, type Recording, Tensor } from '@moviegen/tensor';
import type { GuidedVelocity } from '../../generate/family.ts';

/**
 * Records `u = u_null + g (u_text - u_null)` at latents of the given shape.
 * @param contexts one of 2B prompts, null prompts first; or two of B prompts each, the null prompts' context first; or, if
 *   `scale` is 1 (no guidance), one of B prompts.
 * @param shape of the latents, [B, C, T, H, W].
 */
export function recordVelocity(
  dit: DiT,
  [context, text]: readonly Context[],
  shape: readonly number[],
  scale: number,
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
      if (scale === 1) return dit.forward(x, t, context!);
      if (text) {
        const [uNull, uText] = [dit.forward(x, t, context!), dit.forward(x, t, text)];
        return guidance(uNull, uText, scale);
      }
      const both = shape[0] === 1 ? x : concat([x, x], { axis: 0 }); // one sample is shared by both branches
      return combineBranches(dit.forward(both, t, context!), scale);
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
