// What `moviegen judge` does: makes videos of the fixed prompts, reads their mp4 files back and judges what they show; then
// repeats it with other types of weights. Not here: options (../commands/judge.ts), the table (table.ts), tiles (tiling.ts).

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ByteErrors, draw, EVALUATION_PROMPTS, parsePrompt, ssim } from '@moviegen/evaluation';
import { type Device, Tensor } from '@moviegen/tensor';
import type { DTypePolicy } from '../../checkpoint/precision.ts';
import { readVideo } from '../../node/inputs.ts';
import type { VideoPipeline } from '../../pipeline.ts';
import { type Frames, pixelsFromFrames } from '../../video/frames.ts';
import { adapterName, adapterRecord, type ModelOptions, type Run, secondsRecord } from '../run.ts';
import { write } from '../writeVideo.ts';
import { everyNth, type Questionnaire, shapesQuestions } from './questions.ts';
import { type Judged, type Nearness, policyText, say, sayCompared, type Table, tableOf } from './table.ts';
import { judgeTiling } from './tiling.ts';

/** Options of the command. */
export interface JudgeOptions extends ModelOptions {
  readonly every: number;
  readonly batch: number;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly cache?: number;
  readonly guidanceInterval?: readonly [number, number];
  readonly keep?: string;
  readonly compare: readonly DTypePolicy[];
  readonly tiling?: boolean;
}

/** Judges a model and prints the result. */
export async function judgeModel(run: Run, options: JudgeOptions): Promise<void> {
  const { outputs } = run;
  const { every, keep, compare, json } = options;
  const list = shapesQuestions(every); // checks `every` before anything is loaded
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
    const others: { dtype: DTypePolicy; table: Table; nearness: Nearness }[] = [];
    for (const dtype of compare) {
      const compared = { ...options, dtype };
      const other = await run.model(compared);
      const { judged, videos } = await judgeWith(run, other, list, compared, undefined);
      const nearness = await nearnessOf(other.device, videos, first.videos);
      others.push({ dtype, table: tableOf(list, judged), nearness });
      if (!json) sayCompared(run, list, dtype, tableOf(list, judged), nearness);
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
          compared: others.map(({ dtype, table, nearness }) => ({ dtype, ...table, ...nearness })),
        }),
        adapter: adapter.record,
        seconds: secondsRecord(run.bars.seconds),
      });
  } finally {
    if (keep === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** Makes the videos and judges them, in the order of the list: by their mp4 files in `folder`, or without it by the frames. */
async function judgeWith(
  run: Run,
  model: VideoPipeline,
  { questions }: Questionnaire,
  { steps, guidanceScale, cache, guidanceInterval, batch, dtype }: JudgeOptions,
  folder: string | undefined,
): Promise<{ judged: Judged[]; videos: Frames[] }> {
  const { bars, signal } = run;
  const name = folder === undefined ? `judge ${policyText(dtype)}` : 'judge';
  bars.begin(name, questions.length, { name: 'videos', each: 'video' });
  const judged: Judged[] = [];
  const videos: Frames[] = [];
  const made = model.generateEach(
    questions.map(({ prompt }) => prompt),
    {
      seed: questions.map(({ seed }) => seed),
      batch,
      signal,
      ...(steps !== undefined && { steps }),
      ...(guidanceScale !== undefined && { guidanceScale }),
      ...(cache !== undefined && { cache }),
      ...(guidanceInterval && { guidanceInterval }),
    },
  );
  for await (const { frames } of made) {
    const question = questions[judged.length]!;
    let seen: Frames = frames;
    if (folder !== undefined) {
      const file = join(folder, `${question.name}.mp4`);
      await write(run, frames, { file });
      seen = await readVideo(file, { signal });
    }
    judged.push({ question, answer: question.judge(seen) });
    videos.push(frames);
    bars.update(judged.length);
  }
  bars.end();
  return { judged, videos };
}

/** PSNR and SSIM of videos against other videos of the same prompts. */
async function nearnessOf(
  device: Device,
  videos: readonly Frames[],
  others: readonly Frames[],
): Promise<Nearness> {
  const errors = new ByteErrors();
  const similarities: number[] = [];
  const tensorOf = (frames: Frames) =>
    Tensor.from(device, pixelsFromFrames(frames), [1, 3, ...frames.shape.slice(0, 3)]);
  for (const [k, video] of videos.entries()) {
    const other = others[k]!;
    errors.add(video.data, other.data);
    const tensors = [tensorOf(video), tensorOf(other)] as const;
    similarities.push(await ssim(...tensors));
    for (const tensor of tensors) tensor.dispose();
  }
  const mean = similarities.reduce((sum, one) => sum + one, 0) / similarities.length;
  return {
    psnr: { all: errors.psnr(), worst: errors.worstPsnr() },
    ssim: { all: mean, worst: Math.min(...similarities) },
  };
}
