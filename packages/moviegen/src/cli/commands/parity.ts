// moviegen parity: compares the models on this adapter with the reference's tensors, layer by layer. The comparison is in
// parity/.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { InputError } from '../../errors.ts';
import { fixtureFiles } from '../../node/inputs.ts';
import { parityLoaders } from '../../parity/models.ts';
import {
  checkFixture,
  describeReport,
  PARITY_BOUND,
  type ParityLoader,
  type ParityReport,
} from '../../parity/parity.ts';
import { checkWan } from '../../parity/wan/check.ts';
import { WAN_BOUND } from '../../parity/wan/rows.ts';
import { withAdapter } from '../common.ts';
import { CheckFailed } from '../failure.ts';
import { adapterName, adapterRecord, type CommonOptions, type Run, secondsRecord } from '../run.ts';
import { number } from '../values.ts';

interface Options extends CommonOptions {
  readonly fixtures?: string;
  readonly bound?: number;
}

/** Adds the command. */
export function addParity(program: Command, run: Run): void {
  const command = program
    .command('parity')
    .description(
      'compare the models on this adapter with the reference, and name the first tensor that differs',
    )
    .option('--fixtures <folder>', 'a fixture, or a folder of fixtures (default: the repository’s)')
    .option(
      '--bound <number>',
      `largest difference allowed, as a share of the largest value (default: ${PARITY_BOUND}, of Wan’s tensors ${WAN_BOUND})`,
      number,
    );
  withAdapter(command).action((options: Options) => parity(run, options));
}

async function parity(run: Run, options: Options): Promise<void> {
  run.configure(options);
  const { bars, signal } = run;
  const files = await fixtureFiles(options.fixtures ?? ownFixtures());
  const folders = await known(files, options.fixtures === undefined);
  const device = await run.device(options);
  const { bound } = options;
  const checks = [
    ...folders.map((folder) => () => checkFixture(device, files, folder, loadAny, bound)),
    ...files.wanFolders.map((folder) => () => checkWan(device, files, folder, bound)),
  ];
  const reports: ParityReport[] = [];
  bars.begin('parity', checks.length, { name: 'fixtures', each: 'fixture' });
  for (const [i, check] of checks.entries()) {
    for await (const report of check()) {
      signal.throwIfAborted();
      reports.push(report);
      if (!options.json && report.first !== undefined) run.say(describeReport(report));
    }
    device.trim();
    bars.update(i + 1);
  }
  bars.end();
  const differing = reports.filter(({ first }) => first !== undefined);
  if (options.json)
    run.print({
      adapter: adapterRecord(device),
      bound: bound ?? PARITY_BOUND,
      reports,
      seconds: secondsRecord(bars.seconds),
    });
  else {
    for (const report of reports) if (report.first === undefined) run.say(describeReport(report));
    const result = `${reports.length - differing.length} of ${reports.length} cases agree`;
    const bounds = [folders.length > 0 && PARITY_BOUND, files.wanFolders.length > 0 && WAN_BOUND];
    const within = bound ?? bounds.filter(Boolean).join(' or ');
    run.say(`${result} within ${within} on ${adapterName(device)}`);
  }
  if (differing.length > 0) throw new CheckFailed();
}

/** Loads the model of any fixture. */
const loadAny: ParityLoader = (device, fixture) => {
  const load = Object.hasOwn(parityLoaders, fixture.model) ? parityLoaders[fixture.model] : undefined;
  if (load !== undefined) return load(device, fixture);
  const kinds = Object.keys(parityLoaders).join(', ');
  throw new InputError(
    `parity: ${fixture.name} is of an unknown kind, ${fixture.model}: expected one of ${kinds}`,
  );
};

/** The folders to check. Fixtures that are not of a model on a device are left out of our own folder, never of a user's. */
async function known(
  files: Awaited<ReturnType<typeof fixtureFiles>>,
  own: boolean,
): Promise<readonly string[]> {
  const folders = await files.folders();
  if (!own) return folders;
  const kinds = await Promise.all(
    folders.map(async (folder): Promise<unknown> => {
      const bytes = await files.read(`${folder}/fixture.json`);
      return JSON.parse(new TextDecoder().decode(bytes)).model;
    }),
  );
  return folders.filter((_, i) => Object.hasOwn(parityLoaders, String(kinds[i])));
}

function ownFixtures(): string {
  const folder = fileURLToPath(new URL('../../../fixtures', import.meta.url));
  if (existsSync(folder)) return folder;
  throw new InputError('parity: only the repository has fixtures: give their folder with --fixtures FOLDER');
}
