// What `moviegen compare` does: takes or makes the videos of both sides, then serves the page, or prints the report.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  AXES,
  axesOf,
  type ClipModel,
  comparedPrompts,
  reportOf,
  reportSvg,
  reportText,
  Votes,
} from '@moviegen/evaluation';
import type { DTypePolicy } from '../../checkpoint/precision.ts';
import { CheckpointError, InputError } from '../../errors.ts';
import { ImageModel } from '../../imageModel.ts';
import { TextModel } from '../../textModel.ts';
import { policyText } from '../judge/table.ts';
import { readPromptText } from '../prompts.ts';
import type { ModelOptions, Run } from '../run.ts';
import type { SamplingFlags } from '../samplingFlags.ts';
import { automaticAxes } from './automatic.ts';
import { makeVideos } from './make.ts';
import { type PromptPair, pairsOf } from './pairs.ts';
import { serveComparison } from './server.ts';
import { readText, readVotes, VoteFile } from './voteFile.ts';

/** Options of the command. */
export interface CompareFlags extends ModelOptions, SamplingFlags {
  readonly prompts: string;
  readonly report?: boolean;
  readonly votes: string;
  readonly axes?: readonly string[];
  readonly calibrate?: boolean;
  readonly order: number;
  readonly port: number;
  readonly keep: string;
  readonly dtypeA?: DTypePolicy;
  readonly dtypeB?: DTypePolicy;
  readonly clip?: string;
  readonly truth?: string;
  readonly autoencoder?: string;
  readonly svg?: string;
}

/** Compares two sides. */
export async function compare(run: Run, a: string, b: string, options: CompareFlags): Promise<void> {
  const { signal, outputs } = run;
  if (options.order < 0) throw new InputError(`compare: --order must be at least 0, got ${options.order}`);
  if (options.model !== undefined)
    throw new InputError('compare: --model is not taken: the two sides are the checkpoints');
  const axes = asInput(() => (options.axes === undefined ? AXES : axesOf(options.axes)));
  const text = await readPromptText('compare', options.prompts, signal);
  const prompts = asInput(() => comparedPrompts(text));
  if (options.svg !== undefined) await outputs.check(options.svg);
  const words = prompts.map(({ prompt }) => prompt);
  const sides = [
    await sideOf(run, a, 'a', words, options),
    await sideOf(run, b, 'b', words, options),
  ] as const;
  const { pairs, notes } = await pairsOf(prompts, sides[0].folder, sides[1].folder);
  run.note(notes);
  const votes = new Votes(
    pairs.map(({ prompt }) => prompt),
    axes,
    { rounds: options.calibrate ? 2 : 1, seed: options.order },
  );
  const heading = { a: resolve(sides[0].folder), b: resolve(sides[1].folder), seed: options.order };
  if (options.report) {
    tellPassed(run, options.votes, readVotes(await readText(options.votes), options.votes, heading, votes));
    return report(run, pairs, votes, [sides[0].name, sides[1].name], options);
  }
  await outputs.check(options.votes);
  const { file, passed } = await VoteFile.open(options.votes, heading, votes);
  tellPassed(run, options.votes, passed);
  try {
    const { server, url } = await serveComparison({ pairs, axes, votes, file }, options.port).catch(
      (cause) => {
        throw new InputError(`compare: cannot serve on port ${options.port}: ${(cause as Error).message}`, {
          cause,
        });
      },
    );
    if (options.json) run.print({ url, pairs: pairs.length, votes: options.votes });
    else
      run.say(
        `${url}  ${pairs.length} pairs on ${axes.length} axes; votes go to ${options.votes}; Ctrl-C ends`,
      );
    await new Promise<void>((done) => {
      if (signal.aborted) done();
      signal.addEventListener('abort', () => done());
    });
    server.close();
    server.closeAllConnections();
  } finally {
    await file.close();
  }
  signal.throwIfAborted();
}

function tellPassed(run: Run, file: string, passed: number): void {
  if (passed > 0)
    run.note([`compare: ${passed} lines of ${file} are torn or of other prompts, and were passed over`]);
}

/** A side's videos, and what it is called. */
interface Side {
  readonly folder: string;
  readonly name: string;
}

/** A folder of videos as it is, or filled by the checkpoint that the side is. */
async function sideOf(
  run: Run,
  side: string,
  letter: 'a' | 'b',
  prompts: readonly string[],
  options: CompareFlags,
): Promise<Side> {
  if (!existsSync(join(side, 'model_index.json'))) return { folder: side, name: side };
  const folder = join(options.keep, letter);
  const dtype = (letter === 'a' ? options.dtypeA : options.dtypeB) ?? options.dtype;
  const { seed = 0n, ...sampling } = options;
  const model = { ...options, model: side, ...(dtype && { dtype }) };
  await makeVideos(run, prompts, folder, model, sampling, seed);
  return { folder, name: `${side} in ${policyText(dtype)}` };
}

async function report(
  run: Run,
  pairs: readonly PromptPair[],
  votes: Votes,
  names: readonly [string, string],
  options: CompareFlags,
): Promise<void> {
  const { signal, bars, outputs } = run;
  const axes = options.axes === undefined ? AXES : axesOf(options.axes);
  const judged = reportOf(pairs, votes.all(), axes, options.order);
  const truth = options.truth === undefined ? undefined : await truthOf(pairs, options.truth);
  const clip = options.clip === undefined ? undefined : await clipModel(run, options.clip, options);
  const autoencoder =
    options.autoencoder === undefined || truth === undefined
      ? undefined
      : await run.autoencoder({ ...options, model: options.autoencoder });
  bars.begin('measure', pairs.length, { name: 'pairs', each: 'pair' });
  const { axes: automatic, notes } = await automaticAxes(pairs, {
    clip,
    truth,
    autoencoder,
    device: () => run.device(options),
    signal,
    onPair: (count) => bars.update(count),
  });
  bars.end();
  run.note(notes);
  if (options.svg !== undefined)
    await outputs.write(
      [{ path: options.svg, bytes: new TextEncoder().encode(reportSvg(judged, names)) }],
      signal,
    );
  if (options.json)
    run.print({ a: names[0], b: names[1], pairs: pairs.length, axes: judged, automatic, notes });
  else run.say(reportText(judged, automatic, names));
}

/** The true video of each pair. */
async function truthOf(pairs: readonly PromptPair[], folder: string): Promise<string[]> {
  const { pairs: found } = await pairsOf(pairs, folder, folder);
  if (found.length !== pairs.length)
    throw new InputError(
      `compare: --truth ${folder} has videos of ${found.length} of ${pairs.length} prompts`,
    );
  return found.map(({ a }) => a);
}

/** Opens CLIP's image tower and, where the checkpoint has one, its text tower. */
async function clipModel(run: Run, source: string, options: CompareFlags): Promise<ClipModel> {
  const loading = { device: await run.device(options), signal: run.signal };
  const image = await ImageModel.fromPretrained(source, loading);
  const embed: ClipModel['embed'] = (frames) => image.embed(frames, { signal: run.signal });
  let text: TextModel;
  try {
    text = await TextModel.fromPretrained(source, loading);
  } catch (error) {
    if (error instanceof CheckpointError) return { embed }; // an image tower alone
    throw error;
  }
  return { embed, embedText: async (prompt) => (await text.embed([prompt]))[0]! };
}

/** What the library refuses as out of range is the caller's mistake here. */
function asInput<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) throw new InputError(`compare: ${error.message}`, { cause: error });
    throw error;
  }
}
