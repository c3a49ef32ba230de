// Times one case: fresh random operands in rotation, as many runs as a budget allows.
import { type Case, type NDArray, sizeOf } from '@moviegen/kernels';
import {
  type CaseRun,
  caseOperands,
  caseVariants,
  type Device,
  prepareCase,
  randn,
  scope,
  scopeAsync,
  type Tensor,
  uploadOperands,
} from '@moviegen/tensor';
import { type Check, check } from './check.ts';
import { percentile } from './statistics.ts';

/** How much to measure. */
export interface Budget {
  /** At most so many timed runs of a case. */
  readonly runs: number;
  /** And at most so many milliseconds, but three runs always. */
  readonly time: number;
}

/** A row of the table. */
export interface Result {
  readonly op: string;
  readonly name: string;
  readonly dtype: 'f32' | 'f16';
  readonly variant: string;
  /** Milliseconds. */
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly runs: number;
  readonly gflops: number;
  /** Algorithmic bytes a second: each operand read once, the result written once. */
  readonly gbps: number;
  readonly source: 'gpu' | 'host';
  readonly check: Check;
}

const WARM_UPS = 2;
/** Operand sets rotate so that together they exceed a cache; a software adapter shares the CPU's. */
const ROTATED_BYTES = { software: 32 * 2 ** 20, gpu: 256 * 2 ** 20 };
const MOST_SETS = 8;

/** Checks a case, then times it. @throws where its result is wrong. */
export async function measure(device: Device, item: Case, run: CaseRun, budget: Budget): Promise<Result> {
  const variant = run.variant ?? caseVariants(device, item)[0];
  const { dtype = 'f32' } = run;
  const chosen = { dtype, variant };
  const operands = caseOperands(item, chosen);
  const checked = await check(device, item, operands, chosen);

  const samples: number[] = [];
  let source: Result['source'] = 'host';
  await scopeAsync(device, async () => {
    const rotated = rotate(device, operands);
    const calls = rotated.map((set) => prepareCase(device, item, set, chosen));
    const once = async (k: number) => {
      const call = calls[k % calls.length]!;
      return device.time(() =>
        scope(device, () => {
          call();
        }),
      );
    };
    for (let k = 0; k < WARM_UPS; k++) await once(k);
    const begin = performance.now();
    for (let k = 0; k < budget.runs; k++) {
      if (k >= 3 && performance.now() - begin > budget.time) break;
      const timing = await once(k);
      samples.push(timing.ms);
      source = timing.source;
    }
  });
  const median = percentile(samples, 0.5);
  const bytes = dtype === 'f16' ? item.bytes / 2 : item.bytes;
  return {
    op: item.op,
    name: item.name,
    dtype,
    variant: variant ?? 'only',
    median,
    p10: percentile(samples, 0.1),
    p90: percentile(samples, 0.9),
    runs: samples.length,
    gflops: item.flops / median / 1e6,
    gbps: bytes / median / 1e6,
    source,
    check: checked,
  };
}

/** Sets of operands: the given one, and others like it. Large normals are drawn on the device. */
function rotate(device: Device, operands: Readonly<Record<string, NDArray>>): Record<string, Tensor>[] {
  const bytes = Object.values(operands).reduce((sum, { data }) => sum + data.byteLength, 0);
  const wanted = ROTATED_BYTES[device.target.software ? 'software' : 'gpu'];
  const count = Math.max(2, Math.min(MOST_SETS, Math.ceil(wanted / Math.max(1, bytes))));
  return Array.from({ length: count }, (_, set) => {
    const tensors = uploadOperands(device, operands);
    if (set === 0) return tensors;
    for (const [k, [name, { shape, dtype }]] of Object.entries(operands).entries()) {
      if (dtype !== 'f32' && dtype !== 'f16') continue;
      if (sizeOf(shape) >= 1024) tensors[name] = randn(device, shape, { seed: set, stream: k, dtype });
    }
    return tensors;
  });
}
