// Every case of the list, with every variant that this adapter can run, against the CPU reference.
import { type Case, cases } from '@moviegen/kernels';
import { scopeAsync } from '@moviegen/tensor';
import {
  caseOperands,
  caseTolerance,
  caseVariants,
  checkOpCase,
  prepareCase,
  uploadOperands,
} from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import { beforeAll, describe, expect, test } from 'vitest';

const device = await testDevice();
const { f16, software } = device.target;

const tested = new Map<string, Case[]>();
for (const item of cases) {
  if (item.use === 'bench') continue;
  const list = tested.get(item.op) ?? [];
  tested.set(item.op, list);
  list.push(item);
}

interface Run {
  readonly dtype: 'f32' | 'f16';
  readonly variant: string | undefined;
}

/**
 * The runs of a case: every variant in every type. A software adapter with f16 (llvmpipe), which compiles each text for
 * about a second, is there for f16 alone, and runs the chosen variant of every case, every other one on the
 * largest case of its op that has it: each op, case and variant is seen, but not each pair.
 */
function runsOf(item: Case): Run[] {
  const runs = (dtype: Run['dtype']): Run[] =>
    [undefined, ...caseVariants(device, item, dtype)].map((variant) => ({ dtype, variant }));
  if (!f16) return runs('f32');
  if (!software) return [...runs('f32'), ...runs('f16')];
  return runs('f16').filter(({ variant }) => variant === undefined || largest(item.op, variant) === item);
}

/** The case of an op with the most work among those that have the variant. */
function largest(op: string, variant: string): Case | undefined {
  const having = tested.get(op)!.filter((item) => caseVariants(device, item, 'f16').includes(variant));
  return having.sort((a, b) => b.flops - a.flops)[0];
}

/** Compiles what a case runs. */
function warmUp(item: Case): Promise<unknown> {
  return Promise.all(
    runsOf(item).map((run) =>
      device.warmUp(() => {
        const operands = uploadOperands(device, caseOperands(item, run));
        return prepareCase(device, item, operands, run)();
      }),
    ),
  );
}

describe.each([...tested])('%s', (_, list) => {
  // Most of the time goes into compiling: an op's kernels all at once, on all cores.
  beforeAll(() => Promise.all(list.map(warmUp)), 300_000);

  test.each(list.map((item): [string, Case] => [item.name, item]))('%s', async (_, item) => {
    for (const run of runsOf(item)) {
      const { error, index, got, expected } = await scopeAsync(device, () => checkOpCase(device, item, run));
      const where = `${run.dtype}, variant ${run.variant ?? 'chosen'}: at ${index} got ${got}, expected ${expected}`;
      expect(error, where).toBeLessThanOrEqual(caseTolerance(item, run.dtype));
    }
  });
});

test('names are unique within an op', () => {
  const names = cases.map(({ op, name }) => `${op} ${name}`);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});
