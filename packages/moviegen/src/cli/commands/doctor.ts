// moviegen doctor: what this adapter is, and whether it computes what the CPU does, kernel by kernel.

import { type Case, cases } from '@moviegen/kernels';
import { caseTolerance, caseVariants, checkCase, type Device, scopeAsync } from '@moviegen/tensor';
import type { Command } from 'commander';
import { InputError } from '../../errors.ts';
import { withAdapter } from '../common.ts';
import { CheckFailed } from '../failure.ts';
import { adapterRecord, type CommonOptions, type Run, secondsRecord } from '../run.ts';

interface Options extends CommonOptions {
  readonly filter?: string;
}

/** A kernel that differs from its reference. */
interface Failure {
  readonly case: string;
  readonly dtype: string;
  readonly variant: string | null;
  readonly message: string;
}

/** Adds the command. */
export function addDoctor(program: Command, run: Run): void {
  const command = program
    .command('doctor')
    .description('describe the adapter, and check every kernel on it against its CPU reference')
    .option('--filter <text>', 'check only ops and cases whose name holds this');
  withAdapter(command).action((options: Options) => doctor(run, options));
}

async function doctor(run: Run, options: Options): Promise<void> {
  run.configure(options);
  const { bars, signal } = run;
  const checked = cases.filter(
    ({ op, name, use }) => use !== 'bench' && `${op} ${name}`.includes(options.filter ?? ''),
  );
  if (checked.length === 0)
    throw new InputError(`doctor: no kernel's case holds ${JSON.stringify(options.filter)}`);
  const device = await run.device(options);
  const report = { adapter: adapterRecord(device), ...describe(device) };
  if (!options.json) sayAdapter(run, report);

  const failures: Failure[] = [];
  const worst = new Map<string, number>(); // by op: largest error as a share of its bound
  let runs = 0;
  bars.begin('kernels', checked.length, { name: 'cases', each: 'case' });
  for (const [i, item] of checked.entries()) {
    for (const dtype of device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const))
      for (const variant of [undefined, ...caseVariants(device, item)]) {
        signal.throwIfAborted();
        const { share, message } = await check(device, item, dtype, variant);
        runs++;
        worst.set(item.op, Math.max(worst.get(item.op) ?? 0, share));
        if (message !== undefined)
          failures.push({ case: `${item.op} ${item.name}`, dtype, variant: variant ?? null, message });
      }
    bars.update(i + 1);
  }
  bars.end();
  const ops = Object.fromEntries([...worst].map(([op, share]) => [op, share <= 1 ? 'ok' : 'wrong']));
  if (options.json)
    run.print({ ...report, checks: runs, ops, failures, seconds: secondsRecord(bars.seconds) });
  else sayResult(run, worst, failures, runs);
  if (failures.length > 0) throw new CheckFailed();
}

/** One kernel: its largest error as a share of the bound, and what is wrong if it is above 1. */
async function check(
  device: Device,
  item: Case,
  dtype: 'f32' | 'f16',
  variant: string | undefined,
): Promise<{ share: number; message?: string }> {
  try {
    const difference = await scopeAsync(device, () => checkCase(device, item, { dtype, variant }));
    const { error, index, got, expected } = difference;
    const bound = caseTolerance(item, dtype);
    const share = error / bound;
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

function describe(device: Device) {
  const limits: Record<string, number> = {};
  for (const name in device.limits) {
    const value = device.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') limits[name] = value;
  }
  return { features: [...device.features].sort(), target: device.target, limits };
}

function sayAdapter(
  run: Run,
  { adapter, features, target, limits }: ReturnType<typeof describe> & { adapter: object },
): void {
  for (const [name, value] of Object.entries(adapter))
    if (value !== '') run.say(`${name.padEnd(14)} ${value}`);
  run.say(`${'features'.padEnd(14)} ${features.join(', ')}`);
  const matrices = target.subgroupMatrix.map(({ componentType, resultComponentType, M, N, K }) => {
    return `${componentType} to ${resultComponentType} ${M}x${N}x${K}`;
  });
  run.say(`${'subgroups'.padEnd(14)} ${target.subgroups ? target.subgroupSize.join(' to ') : 'none'}`);
  run.say(`${'matrices'.padEnd(14)} ${matrices.join(', ') || 'none'}`);
  run.say('limits');
  for (const [name, value] of Object.entries(limits))
    run.say(`  ${name.padEnd(44)} ${value.toLocaleString('en-US')}`);
}

function sayResult(
  run: Run,
  worst: ReadonlyMap<string, number>,
  failures: readonly Failure[],
  runs: number,
): void {
  run.say('kernels, their largest error as a share of what is allowed');
  for (const [op, share] of worst) run.say(`  ${op.padEnd(20)} ${(100 * share).toFixed(1).padStart(6)} %`);
  for (const { case: name, dtype, variant, message } of failures)
    run.say(`wrong: ${name} ${dtype}${variant === null ? '' : ` ${variant}`}: ${message}`);
  run.say(
    failures.length === 0 ? `all ${runs} checks passed` : `${failures.length} of ${runs} checks failed`,
  );
}
