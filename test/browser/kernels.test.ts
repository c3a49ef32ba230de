// Every case of the kernels' list, with every variant that Chromium's adapter can run, against the CPU reference.

import { cases } from '@moviegen/kernels';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { openModule } from './remote.ts';

const { module } = await openModule<typeof import('./pages/kernels.ts')>(await launchChromium(), 'kernels');
const tested = cases.filter(({ use }) => use !== 'bench');
const ops = [...new Set(tested.map(({ op }) => op))];
let total = 0;

describe.each(ops)('%s', (op) => {
  beforeAll(() => module.compile(op));

  test.each(tested.filter((item) => item.op === op).map(({ name }) => name))('%s', async (name) => {
    const { runs, wrong } = await module.check(op, name);
    total += runs;
    expect(wrong).toEqual([]);
    expect(runs).toBeGreaterThan(0);
  });
});

afterAll(async () => console.log(`${total} runs of kernels on ${await module.adapter()}`));
