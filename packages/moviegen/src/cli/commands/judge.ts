// moviegen judge: samples the fixed prompts of shapes world, reads the mp4 files back and judges what they show.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readVideo } from '../../node/inputs.ts';
import type { DTypePolicy } from '../../precision.ts';
import { EVALUATION_PROMPTS } from '../../shapesWorld/evaluationPrompts.ts';
import { judge, type Verdict } from '../../shapesWorld/judge.ts';
import { parsePrompt } from '../../shapesWorld/wordings.ts';
import { draw } from '../../shapesWorld/world.ts';
import type { Frames } from '../../video/frames.ts';
import { withModel } from '../common.ts';
import { adapterName, adapterRecord, type ModelOptions, type Run, secondsRecord } from '../run.ts';
import { integer, number, policy } from '../values.ts';
import { write } from '../writeVideo.ts';
import { judgeTiling } from './judgeTiling.ts';

interface Options extends ModelOptions {
  readonly every: number;
  readonly batch: number;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly keep?: string;
  readonly compare: readonly DTypePolicy[];
  readonly tiling?: boolean;
}

/** A video, and what the judge says of it. */
interface Judged extends Verdict {
  readonly prompt: string;
  readonly seed: number;
  readonly heldOut: boolean;
}

/** Adds the command. */
export function addJudge(program: Command, run: Run): void {
  const command = program
    .command('judge')
    .description(
      'judge a shapes-world checkpoint on its fixed list of prompts, by the frames of the mp4 files',
    )
    .option('--every <n>', 'only every nth prompt', integer, 1)
    .option('--batch <n>', 'prompts sampled together', integer, 8)
    .option('--steps <n>', 'steps of the solver', integer)
    .option('-g, --guidance-scale <number>', 'guidance', number)
    .option('--keep <folder>', 'keep the mp4 files here')
    .option(
      '--compare <type>',
      'then judge the same videos with the models in this --dtype, and print their PSNR against the first; may be repeated',
      (text: string, before: readonly DTypePolicy[]) => [...before, policy(text)],
      [] as readonly DTypePolicy[],
    )
    .option('--tiling', 'measure what the autoencoder’s tiles cost, on the true clips, and nothing else');
  withModel(command).action((options: Options) => judgeModel(run, options));
}

async function judgeModel(run: Run, options: Options): Promise<void> {
  run.configure(options);
  const { outputs } = run;
  const { every, keep, compare } = options;
  if (options.tiling) {
    const prompts = EVALUATION_PROMPTS.filter((_, i) => i % every === 0);
    return judgeTiling(
      run,
      prompts.map(([prompt]) => draw(parsePrompt(prompt))),
      options,
    );
  }
  if (keep !== undefined) await outputs.checkFolder(keep);
  const folder = keep ?? (await mkdtemp(join(tmpdir(), 'moviegen-judge-')));
  try {
    const chosen = EVALUATION_PROMPTS.map(([prompt, heldOut], seed) => ({ prompt, heldOut, seed }));
    const entries = chosen.filter((_, i) => i % every === 0);
    const first = await judgeAs(run, options, entries, folder);
    const table = tableOf(first.judged);
    const others: Comparison[] = [];
    if (!options.json) say(run, table, first.judged, first.adapter);
    for (const dtype of compare) {
      const { judged, videos } = await judgeAs(run, { ...options, dtype }, entries, undefined);
      others.push({ dtype, table: tableOf(judged), psnr: difference(videos, first.videos) });
      if (!options.json) sayCompared(run, others.at(-1)!);
    }
    if (options.json)
      run.print({
        ...{ trained: table[0], heldOut: table[1], videos: first.judged },
        ...(compare.length > 0 && {
          compared: others.map(({ dtype, table: [trained, heldOut], psnr }) => ({
            ...{ dtype, trained, heldOut, psnr },
          })),
        }),
        ...{ adapter: first.record, seconds: secondsRecord(run.bars.seconds) },
      });
  } finally {
    if (keep === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** Samples and judges: by the mp4 files in `folder`, or without one by the frames as they are. */
async function judgeAs(
  run: Run,
  options: Options,
  entries: readonly { prompt: string; heldOut: boolean; seed: number }[],
  folder: string | undefined,
) {
  const { bars, signal } = run;
  const { steps, guidanceScale, batch, dtype } = options;
  const model = await run.model(options);
  const name = folder === undefined ? `judge ${policyText(dtype)}` : 'judge';
  bars.begin(name, entries.length, { name: 'videos', each: 'video' });
  const judged: Judged[] = [];
  const videos: Uint8Array[] = [];
  const made = model.generateEach(
    entries.map(({ prompt }) => prompt),
    {
      seed: entries.map(({ seed }) => seed),
      ...{ batch, signal },
      ...(steps !== undefined && { steps }),
      ...(guidanceScale !== undefined && { guidanceScale }),
    },
  );
  for await (const { frames, prompt } of made) {
    const { heldOut, seed } = entries[judged.length]!;
    let seen: Frames = frames;
    if (folder !== undefined) {
      const file = join(folder, `${String(seed).padStart(2, '0')}.mp4`);
      await write(run, frames, file, undefined);
      seen = await readVideo(file, { signal });
    }
    judged.push({ prompt, seed, heldOut, ...judge(seen, parsePrompt(prompt)) });
    videos.push(frames.data);
    bars.update(judged.length);
  }
  bars.end();
  return { judged, videos, adapter: adapterName(model.device), record: adapterRecord(model.device) };
}

type Table = readonly ReturnType<typeof share>[];

/** The same videos by models of other types. */
interface Comparison {
  readonly dtype: DTypePolicy;
  readonly table: Table;
  /** In dB, against those of the first types: over all videos, and of the worst one. */
  readonly psnr: { readonly all: number; readonly worst: number };
}

const tableOf = (judged: readonly Judged[]): Table =>
  [true, false].map((wanted) => share(judged.filter(({ heldOut }) => heldOut !== wanted)));

/** PSNR of 8-bit videos. */
function difference(videos: readonly ArrayLike<number>[], others: readonly ArrayLike<number>[]) {
  const errors = videos.map((video, k) => {
    let sum = 0;
    for (let i = 0; i < video.length; i++) sum += (video[i]! - others[k]![i]!) ** 2;
    return sum / video.length;
  });
  const decibels = (error: number) => 10 * Math.log10(255 ** 2 / error);
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  return { all: decibels(mean), worst: decibels(Math.max(...errors)) };
}

const policyText = (dtype: DTypePolicy = 'f32'): string =>
  typeof dtype === 'string'
    ? dtype
    : Object.entries(dtype)
        .map(([module, precision]) => `${module}=${precision}`)
        .join(',');

function sayCompared(run: Run, { dtype, table, psnr }: Comparison): void {
  run.say('');
  const { all, worst } = psnr;
  run.say(
    `${policyText(dtype)}: PSNR ${all.toFixed(2)} dB over all videos, ${worst.toFixed(2)} dB the worst`,
  );
  sayTable(run, table);
}

const PARTS = ['right', 'colour', 'shape', 'motion', 'background', 'size'] as const;

/** Counts of right words; of sizes only those that are said. */
function share(judged: readonly Judged[]) {
  const counts = PARTS.map((part) => {
    const said = judged.filter((one) => one[part] !== undefined);
    return [part, { right: said.filter((one) => one[part] === true).length, of: said.length }] as const;
  });
  return Object.fromEntries(counts) as Record<(typeof PARTS)[number], { right: number; of: number }>;
}

function say(run: Run, table: Table, judged: readonly Judged[], adapter: string): void {
  for (const { seed, prompt, right, seen } of judged) {
    const words = [seen.size, seen.colour, seen.shape, seen.motion, seen.background].map(
      (word) => word ?? '?',
    );
    run.say(
      `${String(seed).padStart(2)} ${right ? 'right' : 'WRONG'}  ${prompt}${right ? '' : `  (${words.join(' ')})`}`,
    );
  }
  run.say('');
  sayTable(run, table);
  run.say('');
  run.say(`adapter: ${adapter}, ${(performance.now() / 1000).toFixed(0)} s`);
}

function sayTable(run: Run, table: Table): void {
  const cell = ({ right, of }: { right: number; of: number }) =>
    of === 0 ? '-' : `${right} of ${of} (${((100 * right) / of).toFixed(0)}%)`;
  run.say(`| prompts | ${PARTS.join(' | ')} |`);
  run.say(`|---|${PARTS.map(() => '---').join('|')}|`);
  for (const [i, name] of ['trained', 'held out'].entries())
    run.say(`| ${name} | ${PARTS.map((part) => cell(table[i]![part])).join(' | ')} |`);
}
