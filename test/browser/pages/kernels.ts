// In the page: cases of the list on the page's device, with every variant that it can run.

import { type Case, cases } from '@moviegen/kernels';
import { Device, scopeAsync } from '@moviegen/tensor';
import {
  caseOperands,
  caseTolerance,
  caseVariants,
  checkOpCase,
  prepareCase,
  uploadOperands,
} from '@moviegen/tensor/checks';

const device = await Device.create({ label: 'kernels' });
const types = device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);

/** Describes the device in one line. */
export function adapter(): string {
  const { vendor, architecture, description } = device.info;
  return `${vendor} ${architecture} (${description}), f16: ${device.target.f16}`;
}

/** Compiles all kernels of an op's cases together, because the browser then uses all cores. */
export async function compile(op: string): Promise<void> {
  const own = cases.filter((item) => item.op === op && item.use !== 'bench');
  await Promise.all(
    own.flatMap(runsOf).map(([item, run]) =>
      device.warmUp(() => {
        const operands = uploadOperands(device, caseOperands(item, run));
        return prepareCase(device, item, operands, run)();
      }),
    ),
  );
}

/** Checks a case. @returns how many runs were made, and one line per wrong run */
export async function check(op: string, name: string): Promise<{ runs: number; wrong: string[] }> {
  const item = cases.find((one) => one.op === op && one.name === name);
  if (!item) throw new Error(`no case ${op} ${name}`);
  const wrong: string[] = [];
  const runs = runsOf(item);
  for (const [, run] of runs) {
    const { error, index, got, expected } = await scopeAsync(device, () => checkOpCase(device, item, run));
    const bound = caseTolerance(item, run.dtype);
    if (!(error <= bound))
      wrong.push(
        `${run.dtype}, variant ${run.variant ?? 'chosen'}: differs by ${error} (bound ${bound}): ` +
          `at ${index} got ${got}, expected ${expected}`,
      );
  }
  return { runs: runs.length, wrong };
}

interface Run {
  readonly dtype: 'f32' | 'f16';
  readonly variant: string | undefined;
}

function runsOf(item: Case): [Case, Run][] {
  return types.flatMap((dtype) =>
    [undefined, ...caseVariants(device, item, dtype)].map((variant): [Case, Run] => [
      item,
      { dtype, variant },
    ]),
  );
}
