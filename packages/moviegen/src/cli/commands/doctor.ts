// moviegen doctor: describes the adapter, and checks kernel by kernel that it computes what the CPU does. The checks are in
// parity/selfTest.ts.

import type { Command } from 'commander';
import {
  type DeviceDescription,
  describeDevice,
  type SelfTestReport,
  selfTest,
  selfTestCases,
} from '../../parity/selfTest.ts';
import { withAdapter } from '../common.ts';
import { CheckFailed } from '../failure.ts';
import { adapterRecord, type CommonOptions, type Run, secondsRecord } from '../run.ts';

interface Options extends CommonOptions {
  readonly filter?: string;
}

/** Adds the command. */
export function addDoctor(program: Command, run: Run): void {
  const command = program
    .command('doctor')
    .description('describe the adapter, and check every kernel on it against its CPU reference')
    .option('--filter <text>', 'check only ops and cases whose names contain this');
  withAdapter(command).action((options: Options) => doctor(run, options));
}

async function doctor(run: Run, options: Options): Promise<void> {
  run.configure(options);
  const { bars, signal } = run;
  const { filter } = options;
  const { length } = selfTestCases(filter);
  const device = await run.device(options);
  const description = { ...describeDevice(device), adapter: adapterRecord(device) };
  if (!options.json) sayAdapter(run, description);

  bars.begin('kernels', length, { name: 'cases', each: 'case' });
  const report = await selfTest(device, {
    ...(filter !== undefined && { filter }),
    signal,
    onProgress: ({ cases }) => bars.update(cases),
  });
  bars.end();
  const { checks, worst, failures } = report;
  const ops = Object.fromEntries(
    Object.entries(worst).map(([op, share]) => [op, share <= 1 ? 'ok' : 'wrong']),
  );
  if (options.json)
    run.print({ ...description, checks, ops, failures, seconds: secondsRecord(bars.seconds) });
  else sayResult(run, report);
  if (failures.length > 0) throw new CheckFailed();
}

function sayAdapter(
  run: Run,
  { adapter, features, target, limits }: Omit<DeviceDescription, 'adapter'> & { adapter: object },
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

function sayResult(run: Run, { checks, worst, failures }: SelfTestReport): void {
  run.say('largest error of each kernel as a share of what is allowed');
  for (const [op, share] of Object.entries(worst))
    run.say(`  ${op.padEnd(20)} ${(100 * share).toFixed(1).padStart(6)} %`);
  for (const { case: name, dtype, variant, message } of failures)
    run.say(`wrong: ${name} ${dtype}${variant === null ? '' : ` ${variant}`}: ${message}`);
  run.say(
    failures.length === 0 ? `all ${checks} checks passed` : `${failures.length} of ${checks} checks failed`,
  );
}
