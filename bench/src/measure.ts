// Times one case, on several sets of random operands in turn, as often as a budget allows.
import { BYTES, type Case, type NDArray, sizeOf } from '@moviegen/kernels';
import { type Device, mul, randn, scope, scopeAsync, type Tensor } from '@moviegen/tensor';
import {
  type CaseRun,
  type Ceilings,
  caseOperands,
  prepareCase,
  uploadOperands,
} from '@moviegen/tensor/checks';
import { type Bound, boundOf } from './ceilings.ts';
import { type Check, check, checkOnDevice } from './check.ts';
import { type Spread, spread } from './statistics.ts';
import { chosenVariant } from './variant.ts';

/** How much to measure. */
export interface Budget {
  /** The most timed runs of a case. */
  readonly runs: number;
  /** The most milliseconds for them; three runs are always made. */
  readonly time: number;
}

/** What the bench needs beside the case. */
export interface MeasureOptions extends Budget {
  /** With these, every row tells its share of them. */
  readonly ceilings?: Ceilings | undefined;
  /** Labels of the kernels dispatched since the last call, as a device's `onDispatch` tells them. */
  readonly dispatched?: (() => readonly string[]) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A row of the table. */
export interface Result extends Spread {
  readonly op: string;
  readonly name: string;
  readonly dtype: 'f32' | 'f16';
  readonly variant: string;
  /** Labels of the kernels that ran, if the device tells them. */
  readonly kernels?: readonly string[];
  // Spread is in milliseconds.
  readonly runs: number;
  /** Bytes of all sets of operands. */
  readonly rotated: number;
  readonly gflops: number;
  /** Bytes of the algorithm per second: each operand read once, the result written once. */
  readonly gbps: number;
  /** Operations per byte. */
  readonly intensity: number;
  /** How near to the roof; absent if the ceilings are unknown. */
  readonly bound?: Bound;
  readonly source: 'gpu' | 'host';
  readonly check: Check;
  /** Median without Dawn's bounds checks, if it was asked for. */
  readonly unchecked?: number;
}

const WARM_UPS = 2;
/**
 * Bytes that the rotating operand sets have together, so that no cache holds them; a software adapter uses the CPU's caches.
 * The sets of tiny cases stay below that, see `rotated`.
 */
const ROTATED_BYTES = { software: 32 * 2 ** 20, gpu: 256 * 2 ** 20 };
const MOST_SETS = 64;
/** Operands with more elements than this together are drawn on the device and never copied to the host. */
const HOST_ELEMENTS = 2 ** 25;

/** Checks a case, then times it. @throws if its result is wrong, or the signal's reason */
export async function measure(
  device: Device,
  item: Case,
  run: CaseRun,
  options: MeasureOptions,
): Promise<Result> {
  const { ceilings, dispatched, signal } = options;
  const { dtype = 'f32' } = run;
  let variant = run.variant;
  const choose = async (operands: Record<string, Tensor>): Promise<CaseRun> => {
    const call = prepareCase(device, item, operands, { dtype });
    variant ??= await chosenVariant(device, item, dtype, call, dispatched);
    return { dtype, variant };
  };
  const elements = Object.values(item.inputs).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const large = elements > HOST_ELEMENTS;

  const samples: number[] = [];
  let source: Result['source'] = 'host';
  let checked: Check | undefined;
  let kernels: readonly string[] | undefined;
  let inRotation = 0;
  await scopeAsync(device, async () => {
    let rotated: Record<string, Tensor>[];
    let chosen: CaseRun;
    if (large) {
      rotated = [draw(device, item, dtype, 0), draw(device, item, dtype, 1)];
      chosen = await choose(rotated[0]!);
      checked = await checkOnDevice(device, item, rotated[0]!, chosen);
    } else {
      const operands = caseOperands(item, { dtype });
      rotated = rotate(device, operands);
      chosen = await choose(rotated[0]!);
      checked = await check(device, item, operands, chosen);
    }
    inRotation = rotated.length * operandBytes(item, dtype);
    const calls = rotated.map((set) => prepareCase(device, item, set, chosen));
    const once = (k: number) => {
      signal?.throwIfAborted();
      const call = calls[k % calls.length]!;
      return device.time(() => {
        scope(device, () => {
          call();
        });
      });
    };
    for (let k = 0; k < WARM_UPS; k++) {
      dispatched?.();
      await once(k);
      kernels = dispatched?.();
    }
    const begin = performance.now();
    for (let k = 0; k < options.runs; k++) {
      if (k >= 3 && performance.now() - begin > options.time) break;
      const timing = await once(k);
      samples.push(timing.ms);
      source = timing.source;
    }
  });
  const times = spread(samples);
  const bytes = dtype === 'f16' ? item.bytes / 2 : item.bytes;
  const { flops } = item;
  return {
    op: item.op,
    name: item.name,
    dtype,
    variant: variant ?? 'only',
    ...(kernels && { kernels }),
    ...times,
    runs: samples.length,
    rotated: inRotation,
    gflops: flops / times.median / 1e6,
    gbps: bytes / times.median / 1e6,
    intensity: flops / bytes,
    ...(ceilings && { bound: boundOf(ceilings, dtype, { flops, bytes, ms: times.median }) }),
    source,
    check: checked!,
  };
}

const operandBytes = ({ inputs }: Case, dtype: 'f32' | 'f16'): number =>
  Object.values(inputs).reduce(
    (sum, spec) => sum + sizeOf(spec.shape) * BYTES[spec.dtype === 'f32' ? dtype : spec.dtype],
    0,
  );

/** The given operands, and other sets like them. Large normals are drawn on the device. */
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

/** Operands drawn on the device. Weights are scaled so that results have the scale of their inputs. */
function draw(device: Device, { inputs }: Case, dtype: 'f32' | 'f16', set: number): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }], k) => {
      const normal = () => randn(device, shape, { seed: set, stream: k, dtype });
      const fanIn = name === 'b' ? shape.at(-2)! : sizeOf(shape.slice(1));
      const weight = /^(weight|w1|w3|b)$/.test(name) && shape.length > 1;
      return [name, weight ? scope(device, () => mul(normal(), fanIn ** -0.5)) : normal()];
    }),
  );
}
