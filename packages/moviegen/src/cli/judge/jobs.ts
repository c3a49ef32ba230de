// What `moviegen judge --job` does: makes the videos of a job's fixed samples, reads their mp4 files back, judges what they show.
// Not here: text to video (judgeModel.ts), what the jobs are (samples.ts), the judges (@moviegen/evaluation).

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readVideo } from '../../node/inputs.ts';
import { adapterName, adapterRecord, type Run, secondsRecord } from '../run.ts';
import { write } from '../writeVideo.ts';
import type { Figures, JudgeJobOptions } from './judging.ts';
import { everyNth } from './questions.ts';
import { JUDGED_JOBS, type JudgedJob } from './samples.ts';

/** Judges a job and prints the figures. */
export async function judgeJob(run: Run, job: JudgedJob, options: JudgeJobOptions): Promise<void> {
  const { every, keep, json, steps, guidanceScale } = options;
  const { samples: all, load } = JUDGED_JOBS[job];
  const samples = everyNth(
    all().map((sample, seed) => ({ ...sample, seed })),
    every,
  );
  if (keep !== undefined) await run.outputs.checkFolder(keep);
  const { device, make } = await load(run, options);
  const folder = keep ?? (await mkdtemp(join(tmpdir(), 'moviegen-judge-')));
  const judged: {
    readonly name: string;
    readonly prompt: string;
    readonly task: string | undefined;
    readonly figures: Figures;
  }[] = [];
  try {
    run.bars.begin(`judge ${job}`, samples.length, { name: 'videos', each: 'video' });
    for (const { prompt, task, seed } of samples) {
      const name = String(seed).padStart(2, '0');
      const file = join(folder, `${name}.mp4`);
      const { video, figuresOf } = await make(seed, {
        seed,
        signal: run.signal,
        ...(steps !== undefined && { steps }),
        ...(guidanceScale !== undefined && { guidanceScale }),
      });
      await write(run, video, { file });
      judged.push({ name, prompt, task, figures: figuresOf(await readVideo(file, { signal: run.signal })) });
      run.bars.update(judged.length);
    }
    run.bars.end();
  } finally {
    if (keep === undefined) await rm(folder, { recursive: true, force: true });
  }
  const means = meansOf(judged.map(({ figures }) => figures));
  if (json)
    return run.print({
      job,
      figures: means,
      videos: judged.map(({ name, prompt, task, figures }) => ({
        name,
        prompt,
        ...(task && { task }),
        ...figures,
      })),
      adapter: adapterRecord(device),
      seconds: secondsRecord(run.bars.seconds),
    });
  for (const { name, prompt, figures } of judged)
    run.say(`${name} ${figures.right ? 'right' : 'WRONG'}  ${prompt}`);
  run.say('');
  for (const [name, value] of Object.entries(means)) run.say(`${name.padEnd(12)} ${value}`);
  run.say('');
  run.say(`adapter: ${adapterName(device)}, ${(performance.now() / 1000).toFixed(0)} s`);
}

/** Of each figure, the share that is true, or the mean of its numbers, as a person reads it. */
function meansOf(all: readonly Figures[]): Record<string, string> {
  const names = [...new Set(all.flatMap((figures) => Object.keys(figures)))];
  return Object.fromEntries(
    names.flatMap((name) => {
      const values = all.map((figures) => figures[name]).filter((value) => value !== undefined);
      if (values.length === 0) return [];
      const mean = values.reduce<number>((sum, value) => sum + Number(value), 0) / values.length;
      const share = typeof values[0] === 'boolean';
      const right = values.filter(Boolean).length;
      return [[name, share ? `${right} of ${values.length} (${(100 * mean).toFixed(0)}%)` : mean.toFixed(2)]];
    }),
  );
}
