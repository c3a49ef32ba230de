// Finds Wan's reference cases in a folder and runs them all: what there is, the json files and the names of tensors say.

import type { Device } from '@moviegen/tensor';
import { checkParityCase, type ParityReport } from '../parity.ts';
import { checkWanAutoencoder } from './autoencoder.ts';
import { checkCondition } from './condition.ts';
import type { WanFixtureFiles } from './files.ts';
import { checkOutputs } from './outputs.ts';
import { WAN_BOUND } from './rows.ts';
import { checkRun } from './runs.ts';
import { checkSchedules } from './schedules.ts';
import { checkText, checkTokens } from './text.ts';
import { loadWanTransformer, openWanTransformer } from './transformer.ts';
import { checkWholeRun } from './wholeRun.ts';

export type { WanFixtureFiles } from './files.ts';

/** Files that say that a folder holds cases: in it, or in its `expected/`. */
const MARKS = /^(expected|sigmas|sigmas-original|trajectories)\.json$/;
const EXPECTED = /^(tokens|transformer-cases|pipeline.*)\.json$|^(text|condition|vae-.*)\.safetensors$/;

/** Names of the files of a folder that hold cases, and of those in its `expected/`. */
async function casesIn(files: WanFixtureFiles, folder: string) {
  const own = (await files.list(folder)).filter((name) => MARKS.test(name));
  const expected = own.includes('expected.json') ? [] : await files.list(`${folder}/expected`);
  return { own, expected: expected.filter((name) => EXPECTED.test(name)).sort() };
}

/** Whether a folder holds Wan's cases. */
export async function holdsWanCases(files: WanFixtureFiles, folder: string): Promise<boolean> {
  const { own, expected } = await casesIn(files, folder);
  return own.length + expected.length > 0;
}

/** A kind of case in a folder, or one run of a pipeline. */
export interface WanCheck {
  /** `schedules`, `outputs`, `tokens`, `text`, `transformer`, `vae`, `condition`, or the name of a run: `pipeline-euler`. */
  readonly name: string;
  run(): AsyncGenerator<ParityReport>;
}

/**
 * What can be checked in a folder, in an order in which each rests on those before it.
 * @param bound on max|a - b| / max|b| of a tensor; after steps and of a pipeline's video it is a multiple
 */
export async function wanChecks(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  bound: number = WAN_BOUND,
): Promise<WanCheck[]> {
  const { own, expected } = await casesIn(files, folder);
  const checks: (WanCheck | false)[] = [
    own.some((name) => name !== 'expected.json') && {
      name: 'schedules',
      run: () => checkSchedules(device, files, folder, bound),
    },
    own.includes('expected.json') && {
      name: 'outputs',
      run: () => checkOutputs(device, files, folder, bound),
    },
    expected.includes('tokens.json') && one('tokens', () => checkTokens(files, folder)),
    expected.includes('text.safetensors') && one('text', () => checkText(device, files, folder, bound)),
    expected.includes('transformer-cases.json') && {
      name: 'transformer',
      run: () => checkTransformer(device, files, folder, bound),
    },
    expected.some((name) => name.startsWith('vae-')) && {
      name: 'vae',
      run: () => checkWanAutoencoder(device, files, folder, { bound }),
    },
    expected.includes('condition.safetensors') &&
      one('condition', () => checkCondition(device, files, folder, bound)),
    ...expected
      .filter((name) => name.startsWith('pipeline'))
      .map((name) => name.replace('.json', ''))
      .map((name) => ({
        name,
        async *run() {
          yield await checkRun(device, files, folder, name, bound);
          yield await checkWholeRun(device, files, folder, name, bound);
        },
      })),
  ];
  return checks.filter((check) => check !== false);
}

/** Runs every case of a folder; each report comes as soon as it is ready. @param bound as of {@link wanChecks} */
export async function* checkWan(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  bound: number = WAN_BOUND,
): AsyncGenerator<ParityReport> {
  for (const { run } of await wanChecks(device, files, folder, bound)) yield* run();
}

const one = (name: string, check: () => Promise<ParityReport>): WanCheck => ({
  name,
  async *run() {
    yield await check();
  },
});

async function* checkTransformer(device: Device, files: WanFixtureFiles, folder: string, bound: number) {
  const fixture = await openWanTransformer(files, folder);
  const model = await loadWanTransformer(device, fixture);
  try {
    for (const name of fixture.cases) yield await checkParityCase(model, fixture, name, bound);
  } finally {
    model.dispose();
  }
}
