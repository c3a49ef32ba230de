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

/** The cases of a folder in an order in which each rests on those before it. */
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

/**
 * Runs every case of a folder; each report comes as soon as it is ready.
 * @param bound on max|a - b| / max|b| of a tensor; after steps and of a pipeline's video it is a multiple
 */
export async function* checkWan(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  bound: number = WAN_BOUND,
): AsyncGenerator<ParityReport> {
  const { own, expected } = await casesIn(files, folder);
  if (own.some((name) => name !== 'expected.json')) yield* checkSchedules(device, files, folder, bound);
  if (own.includes('expected.json')) yield* checkOutputs(device, files, folder, bound);
  if (expected.includes('tokens.json')) yield await checkTokens(files, folder);
  if (expected.includes('text.safetensors')) yield await checkText(device, files, folder, bound);
  if (expected.includes('transformer-cases.json')) {
    const fixture = await openWanTransformer(files, folder);
    const model = await loadWanTransformer(device, fixture);
    try {
      for (const name of fixture.cases) yield await checkParityCase(model, fixture, name, bound);
    } finally {
      model.dispose();
    }
  }
  if (expected.some((name) => name.startsWith('vae-')))
    yield* checkWanAutoencoder(device, files, folder, { bound });
  if (expected.includes('condition.safetensors')) yield await checkCondition(device, files, folder, bound);
  for (const name of expected.filter((one) => one.startsWith('pipeline')))
    for (const check of [checkRun, checkWholeRun])
      yield await check(device, files, folder, name.replace('.json', ''), bound);
}
