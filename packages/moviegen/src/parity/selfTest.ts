// Whether an adapter computes what the CPU does, kernel by kernel, and what the adapter says of itself: what
// `moviegen doctor` prints and a page shows. Not here: how it is shown.

import { type Case, cases, type Target } from '@moviegen/kernels';
import { type AdapterInfo, type Device, scopeAsync } from '@moviegen/tensor';
import { caseTolerance, caseVariants, checkOpCase } from '@moviegen/tensor/checks';
import { InputError } from '../errors.ts';

/** A kernel that differs from its reference. */
export interface SelfTestFailure {
  readonly case: string;
  readonly dtype: 'f32' | 'f16';
  readonly variant: string | null;
  readonly message: string;
}

/** A case has been checked. */
export interface SelfTestNews {
  readonly op: string;
  readonly cases: number;
  readonly totalCases: number;
}

/** The result of a self-test. */
export interface SelfTestReport {
  /** Runs of kernels that were compared. */
  readonly checks: number;
  /** By op: the largest error as a share of its bound; above 1 is wrong. */
  readonly worst: Readonly<Record<string, number>>;
  readonly failures: readonly SelfTestFailure[];
}

/** Options of a self-test. */
export interface SelfTestOptions {
  /** Only ops and cases whose name holds this. */
  readonly filter?: string;
  readonly signal?: AbortSignal;
  /** Is told after each case; the test waits for a promise that it gives. */
  readonly onProgress?: (news: SelfTestNews) => void | Promise<void>;
}

/** The cases that a self-test checks. @throws InputError where none holds `filter`. */
export function selfTestCases(filter = ''): readonly Case[] {
  const chosen = cases.filter(({ op, name, use }) => use !== 'bench' && `${op} ${name}`.includes(filter));
  if (chosen.length > 0) return chosen;
  throw new InputError(`doctor: no kernel's case holds ${JSON.stringify(filter)}`);
}

/** Holds every kernel, in every variant and type that the device has, against its CPU reference. */
export async function selfTest(device: Device, options: SelfTestOptions = {}): Promise<SelfTestReport> {
  const { filter, signal, onProgress } = options;
  const chosen = selfTestCases(filter);
  const dtypes = device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);
  const worst: Record<string, number> = {};
  const failures: SelfTestFailure[] = [];
  let checks = 0;
  for (const [i, item] of chosen.entries()) {
    for (const dtype of dtypes)
      for (const variant of [undefined, ...caseVariants(device, item, dtype)]) {
        signal?.throwIfAborted();
        const { share, message } = await check(device, item, dtype, variant);
        checks++;
        worst[item.op] = Math.max(worst[item.op] ?? 0, share);
        if (message !== undefined)
          failures.push({ case: `${item.op} ${item.name}`, dtype, variant: variant ?? null, message });
      }
    await onProgress?.({ op: item.op, cases: i + 1, totalCases: chosen.length });
  }
  return { checks, worst, failures };
}

/** One kernel: its largest error as a share of the bound, and what is wrong if it is above 1. */
async function check(
  device: Device,
  item: Case,
  dtype: 'f32' | 'f16',
  variant: string | undefined,
): Promise<{ share: number; message?: string }> {
  try {
    const difference = await scopeAsync(device, () => checkOpCase(device, item, { dtype, variant }));
    const { error, index, got, expected } = difference;
    const bound = caseTolerance(item, dtype);
    const share = error === 0 ? 0 : error / bound; // a bound of 0: exact
    if (share <= 1) return { share };
    const message = `differs by ${error.toExponential(1)} (bound ${bound.toExponential(1)}): at ${index} got ${got}, expected ${expected}`;
    return { share, message };
  } catch (error) {
    return {
      share: Number.POSITIVE_INFINITY,
      message: error instanceof Error ? error.message : String(error),
    };
  }
}

/** What an adapter says of itself, as plain data. */
export interface DeviceDescription {
  readonly adapter: AdapterInfo;
  readonly features: readonly string[];
  readonly target: Target;
  readonly limits: Readonly<Record<string, number>>;
}

/** Describes a device. */
export function describeDevice(device: Device): DeviceDescription {
  const limits: Record<string, number> = {};
  for (const name in device.limits) {
    const value = device.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') limits[name] = value;
  }
  return { adapter: device.info, features: [...device.features].sort(), target: device.target, limits };
}
