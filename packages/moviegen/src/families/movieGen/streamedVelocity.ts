// The velocity of a generation's flow with a transformer whose layers are streamed. It is encoded anew at every step, since
// the layers lie in other buffers each time.

import type { StreamedDiT } from '@moviegen/dit';
import { castKernel } from '@moviegen/kernels';
import { scopeAsync, Tensor } from '@moviegen/tensor';
import type { GuidedVelocity } from '../../generate/family.ts';
import { type Branches, combined, spread } from './branches.ts';

/**
 * The same as `recordVelocity`, to the bit and with the same parameters, but without a recording.
 * @param signal stops within a layer.
 */
export function streamedVelocity(
  dit: StreamedDiT,
  { calls, scales }: Branches,
  shape: readonly number[],
  raw?: Tensor,
  signal?: AbortSignal,
): GuidedVelocity {
  const { device } = dit;
  dit.preparePositions(shape);
  const [x, u] = [Tensor.empty(device, shape, 'f32', 'x_t'), Tensor.empty(device, shape, 'f32', 'u')];
  const t = Tensor.empty(device, [1], 'f32', 't');
  const copy = castKernel(x.size, 'f32', 'f32');
  const guided = async () => {
    const seen = raw && dit.embedGiven(raw);
    const results: Tensor[] = [];
    for (const call of calls) {
      const options = { signal, given: seen ?? call.given };
      results.push(await dit.forwardAsync(spread(x, call), t, call.context, options));
    }
    return combined(results, scales);
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
