// The kernels that `moviegen kernels` prints: every case of the list has some, in each variant and type.

import { cases } from '@moviegen/kernels';
import { dryDevice } from '@moviegen/tensor';
import { expect, test } from 'vitest';
import { Dispatches, dispatchedKernels } from '../src/cli/kernels/dispatched.ts';

test('every case dispatches kernels on a large GPU, and every variant has a text of its own', async () => {
  const dispatches = new Dispatches();
  const device = await dryDevice({ onDispatch: dispatches.heard });
  for (const item of cases)
    for (const dtype of ['f32', 'f16'] as const) {
      const textOf = (variant?: string) => {
        const { variants, kernels } = dispatchedKernels(device, item, { dtype, variant }, dispatches);
        const text = kernels.filter(({ atLoad }) => !atLoad).map(({ kernel }) => kernel.code);
        expect(text.length, `${item.op} ${item.name}`).toBeGreaterThan(0);
        for (const code of text) expect(code).toContain('@compute');
        return { variants, text: text.join() };
      };
      const { variants } = textOf();
      const texts = new Set(variants.map((variant) => textOf(variant).text));
      expect(texts.size, `${item.op} ${item.name} ${dtype}`).toBe(variants.length);
    }
  device.destroy();
});
