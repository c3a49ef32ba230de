// moviegen judge: samples the fixed prompts of shapes world, reads the mp4 files back and judges what they show.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readVideo } from '../../node/inputs.ts';
import { EVALUATION_PROMPTS } from '../../shapesWorld/evaluationPrompts.ts';
import { judge, type Verdict } from '../../shapesWorld/judge.ts';
import { parsePrompt } from '../../shapesWorld/wordings.ts';
import { withModel } from '../common.ts';
import { adapterName, adapterRecord, type ModelOptions, type Run, secondsRecord } from '../run.ts';
import { integer, number } from '../values.ts';
import { write } from '../writeVideo.ts';

interface Options extends ModelOptions {
  readonly every: number;
  readonly batch: number;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly keep?: string;
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
    .option('--keep <folder>', 'keep the mp4 files here');
  withModel(command).action((options: Options) => judgeModel(run, options));
}

async function judgeModel(run: Run, options: Options): Promise<void> {
  run.configure(options);
  const { bars, outputs, signal } = run;
  const { steps, guidanceScale, batch, every, keep } = options;
  if (keep !== undefined) await outputs.checkFolder(keep);
  const folder = keep ?? (await mkdtemp(join(tmpdir(), 'moviegen-judge-')));
  try {
    const chosen = EVALUATION_PROMPTS.map(([prompt, heldOut], seed) => ({ prompt, heldOut, seed }));
    const entries = chosen.filter((_, i) => i % every === 0);
    const model = await run.model(options);
    bars.begin('judge', entries.length, { name: 'videos', each: 'video' });
    const judged: Judged[] = [];
    const videos = model.generateEach(
      entries.map(({ prompt }) => prompt),
      {
        seed: entries.map(({ seed }) => seed),
        ...{ batch, signal },
        ...(steps !== undefined && { steps }),
        ...(guidanceScale !== undefined && { guidanceScale }),
      },
    );
    for await (const { frames, prompt } of videos) {
      const { heldOut, seed } = entries[judged.length]!;
      const file = join(folder, `${String(seed).padStart(2, '0')}.mp4`);
      await write(run, frames, file, undefined);
      const verdict = judge(await readVideo(file, { signal }), parsePrompt(prompt));
      judged.push({ prompt, seed, heldOut, ...verdict });
      bars.update(judged.length);
    }
    bars.end();
    const table = [true, false].map((wanted) => share(judged.filter(({ heldOut }) => heldOut !== wanted)));
    if (options.json)
      run.print({
        ...{ trained: table[0], heldOut: table[1], videos: judged },
        ...{ adapter: adapterRecord(model.device), seconds: secondsRecord(bars.seconds) },
      });
    else say(run, table, judged, adapterName(model.device));
  } finally {
    if (keep === undefined) await rm(folder, { recursive: true, force: true });
  }
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

function say(
  run: Run,
  table: readonly ReturnType<typeof share>[],
  judged: readonly Judged[],
  adapter: string,
): void {
  for (const { seed, prompt, right, seen } of judged) {
    const words = [seen.size, seen.colour, seen.shape, seen.motion, seen.background].map(
      (word) => word ?? '?',
    );
    run.say(
      `${String(seed).padStart(2)} ${right ? 'right' : 'WRONG'}  ${prompt}${right ? '' : `  (${words.join(' ')})`}`,
    );
  }
  const cell = ({ right, of }: { right: number; of: number }) =>
    of === 0 ? '-' : `${right} of ${of} (${((100 * right) / of).toFixed(0)}%)`;
  run.say('');
  run.say(`| prompts | ${PARTS.join(' | ')} |`);
  run.say(`|---|${PARTS.map(() => '---').join('|')}|`);
  for (const [i, name] of ['trained', 'held out'].entries())
    run.say(`| ${name} | ${PARTS.map((part) => cell(table[i]![part])).join(' | ')} |`);
  run.say('');
  run.say(`adapter: ${adapter}, ${(performance.now() / 1000).toFixed(0)} s`);
}
