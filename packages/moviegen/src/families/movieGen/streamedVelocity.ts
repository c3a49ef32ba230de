// The velocity of a generation's flow with a transformer whose layers are streamed. It is encoded anew at every step, since
// the layers lie in other buffers each time.

import type { Context, StreamedDiT } from '@moviegen/dit';
import { castKernel } from '@moviegen/kernels';
import { combineBranches } from '@moviegen/sampler';
import { concat, guidance, scopeAsync, Tensor } from '@moviegen/tensor';
import type { GuidedVelocity } from '../../generate/family.ts';

/**
 * The same as `recordVelocity`, to the bit and with the same parameters, but without a recording.
 * @param signal stops within a layer.
 */
export function streamedVelocity(
  dit: StreamedDiT,
  [context, text]: readonly Context[],
  shape: readonly number[],
  scale: number,
  signal?: AbortSignal,
): GuidedVelocity {
  const { device } = dit;
  dit.preparePositions(shape);
  const [x, u] = [Tensor.empty(device, shape, 'f32', 'x_t'), Tensor.empty(device, shape, 'f32', 'u')];
  const t = Tensor.empty(device, [1], 'f32', 't');
  const copy = castKernel(x.size, 'f32', 'f32');
  const forward = (latents: Tensor, prompts: Context) => dit.forwardAsync(latents, t, prompts, { signal });
  const guided = async () => {
    if (scale === 1) return forward(x, context!);
    if (text) {
      const uNull = await forward(x, context!);
      return guidance(uNull, await forward(x, text), scale);
    }
    const both = shape[0] === 1 ? x : concat([x, x], { axis: 0 }); // one sample is shared by both branches
    return combineBranches(await forward(both, context!), scale);
  };
  return {
    velocity: async (now, time) => {
      device.run(copy, [now, x]);
      t.write([time]);
      await scopeAsync(device, async () => device.run(copy, [await guided(), u]));
      return u;
    },
    last: { x, u },
    ready: async () => {},
    dispose: () => {
      for (const tensor of [x, u, t]) tensor.dispose();
    },
  };
}
