// The velocity of a generation's flow that is encoded anew at every step: with a transformer whose layers are streamed, since
// they lie in other buffers each time, or with a cache, which decides at every step which blocks run.

import type { VelocityModel } from '@moviegen/dit';
import { castKernel } from '@moviegen/kernels';
import { scopeAsync, Tensor } from '@moviegen/tensor';
import type { GuidedVelocity } from '../../generate/family.ts';
import { type Branches, branchesThat, combined, spread } from './branches.ts';
import type { RecordOptions } from './recordedVelocity.ts';

/**
 * The same as `recordVelocity`, to the bit where no cache skips a block and with the same parameters, but without a recording.
 * @param signal stops within a layer.
 */
export function streamedVelocity(
  dit: VelocityModel,
  branches: Branches,
  shape: readonly number[],
  { skipping, raw, signal }: Omit<RecordOptions, 'begins'> & { readonly signal?: AbortSignal | undefined },
): GuidedVelocity {
  const { device } = dit;
  dit.preparePositions(shape);
  const [x, u] = [Tensor.empty(device, shape, 'f32', 'x_t'), Tensor.empty(device, shape, 'f32', 'u')];
  const t = Tensor.empty(device, [1], 'f32', 't');
  const copy = castKernel(x.size, 'f32', 'f32');
  const all = branches.scales.length + 1;
  const guided = async (count: number) => {
    const seen = raw && dit.embedGiven(raw);
    const { calls, scales } = branchesThat(branches, count);
    const results: Tensor[] = [];
    for (const call of calls)
      results.push(
        await skipping.pass(branches.calls.indexOf(call), count / calls.length, (cache) =>
          dit.forwardAsync(spread(x, call), t, call.context, { signal, given: seen ?? call.given, cache }),
        ),
      );
    return combined(results, scales);
  };
  return {
    velocity: async (now, time) => {
      device.run(copy, [now, x]);
      t.write([time]);
      const count = skipping.branchesAt(time, all);
      skipping.count(count, all);
      await scopeAsync(device, async () => device.run(copy, [await guided(count), u]));
      return u;
    },
    last: { x, u },
    computed: () => skipping.share,
    ready: async () => {},
    dispose: () => {
      for (const one of [x, u, t, skipping]) one.dispose();
    },
  };
}
