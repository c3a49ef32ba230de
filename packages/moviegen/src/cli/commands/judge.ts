// moviegen judge: samples a fixed list of prompts, reads the mp4 files back and judges what they show.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { MovieGen } from '../../movieGen.ts';
import { readVideo } from '../../node/inputs.ts';
import type { DTypePolicy } from '../../precision.ts';
import { EVALUATION_PROMPTS } from '../../shapesWorld/evaluationPrompts.ts';
import { parsePrompt } from '../../shapesWorld/wordings.ts';
import { draw } from '../../shapesWorld/world.ts';
import type { Frames } from '../../video/frames.ts';
import { onlyWith, withModel } from '../common.ts';
import { everyNth, type Questionnaire, shapesQuestions } from '../judge/questions.ts';
import {
  type Judged,
  type Nearness,
  policyText,
  say,
  sayCompared,
  type Table,
  tableOf,
} from '../judge/table.ts';
import { judgeTiling } from '../judge/tiling.ts';
import { adapterName, adapterRecord, type ModelOptions, type Run, secondsRecord } from '../run.ts';
import { integer, number, policy } from '../values.ts';
import { write } from '../writeVideo.ts';

interface Options extends ModelOptions {
  readonly every: number;
  readonly batch: number;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly keep?: string;
  readonly compare: readonly DTypePolicy[];
  readonly tiling?: boolean;
}

/** Adds the command. */
export function addJudge(program: Command, run: Run): void {
  const command = program
    .command('judge')
    .description(
      'judge a checkpoint on the fixed list of prompts of shapes world, by the frames of the mp4 files',
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
    .option(
      '--tiling',
      'measure what the autoencoder’s tiles cost, on shapes world’s true clips, and nothing else',
    );
  withModel(command).action((options: Options) => {
    run.configure(options);
    if (options.tiling) onlyWith(command, FOR_TILING, '--tiling');
    return judgeModel(run, options);
  });
}

/** What applies where only the autoencoder runs. */
const FOR_TILING = ['tiling', 'every', 'model', 'dtype', 'adapter', 'json', 'quiet', 'debug'];

async function judgeModel(run: Run, options: Options): Promise<void> {
  const { outputs } = run;
  const { every, keep, compare, json } = options;
  const list = shapesQuestions(every); // before anything is loaded
  if (options.tiling) {
    const prompts = everyNth(EVALUATION_PROMPTS, every);
    return judgeTiling(
      run,
      prompts.map(([prompt]) => draw(parsePrompt(prompt))),
      options,
    );
  }
  if (keep !== undefined) await outputs.checkFolder(keep);
  const model = await run.model(options);
  const adapter = { name: adapterName(model.device), record: adapterRecord(model.device) };
  const folder = keep ?? (await mkdtemp(join(tmpdir(), 'moviegen-judge-')));
  try {
    const first = await judgeWith(run, model, list, options, folder);
    if (!json) say(run, list, first.judged, adapter.name);
    const others: { dtype: DTypePolicy; table: Table; psnr: Nearness }[] = [];
    for (const dtype of compare) {
      const compared = { ...options, dtype };
      const { judged, videos } = await judgeWith(run, await run.model(compared), list, compared, undefined);
      const other = { dtype, table: tableOf(list, judged), psnr: nearness(videos, first.videos) };
      others.push(other);
      if (!json) sayCompared(run, list, dtype, other.table, other.psnr);
    }
    if (json)
      run.print({
        ...tableOf(list, first.judged),
        videos: first.judged.map(({ question: { prompt, seed }, answer }) => ({
          prompt,
          seed,
          ...answer.record,
        })),
        ...(compare.length > 0 && {
          compared: others.map(({ dtype, table, psnr }) => ({ dtype, ...table, psnr })),
        }),
        adapter: adapter.record,
        seconds: secondsRecord(run.bars.seconds),
      });
  } finally {
    if (keep === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** Samples and judges: by the mp4 files in `folder`, or without one by the frames as they are. In the order of the list. */
async function judgeWith(
  run: Run,
  model: MovieGen,
  { questions }: Questionnaire,
  { steps, guidanceScale, batch, dtype }: Options,
  folder: string | undefined,
): Promise<{ judged: Judged[]; videos: Uint8Array[] }> {
  const { bars, signal } = run;
  const name = folder === undefined ? `judge ${policyText(dtype)}` : 'judge';
  bars.begin(name, questions.length, { name: 'videos', each: 'video' });
  const judged: Judged[] = [];
  const videos: Uint8Array[] = [];
  const made = model.generateEach(
    questions.map(({ prompt }) => prompt),
    {
      seed: questions.map(({ seed }) => seed),
      batch,
      signal,
      ...(steps !== undefined && { steps }),
      ...(guidanceScale !== undefined && { guidanceScale }),
    },
  );
  for await (const { frames } of made) {
    const question = questions[judged.length]!;
    let seen: Frames = frames;
    if (folder !== undefined) {
      const file = join(folder, `${question.name}.mp4`);
      await write(run, frames, file, undefined);
      seen = await readVideo(file, { signal });
    }
    judged.push({ question, answer: question.judge(seen) });
    videos.push(frames.data);
    bars.update(judged.length);
  }
  bars.end();
  return { judged, videos };
}

/** PSNR of 8-bit videos. */
function nearness(videos: readonly ArrayLike<number>[], others: readonly ArrayLike<number>[]): Nearness {
  const errors = videos.map((video, k) => {
    let sum = 0;
    for (let i = 0; i < video.length; i++) sum += (video[i]! - others[k]![i]!) ** 2;
    return sum / video.length;
  });
  const decibels = (error: number) => 10 * Math.log10(255 ** 2 / error);
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  return { all: decibels(mean), worst: decibels(Math.max(...errors)) };
}
