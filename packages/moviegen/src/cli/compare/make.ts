// Videos of a checkpoint for a list of prompts, in a folder: those that are there already are not made again.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../../errors.ts';
import type { ModelOptions, Run } from '../run.ts';
import { showProgress } from '../samplingBars.ts';
import { type SamplingFlags, samplingOptions } from '../samplingFlags.ts';
import { slugOf } from '../values.ts';
import { write } from '../writeVideo.ts';

/** Makes what is missing. Prompt i is sampled with seed `seed + i`, whichever are missing. */
export async function makeVideos(
  run: Run,
  prompts: readonly string[],
  folder: string,
  model: ModelOptions,
  sampling: SamplingFlags,
  seed: bigint,
): Promise<void> {
  await run.outputs.checkFolder(folder);
  const noted = samplingOptions(sampling, { negativePrompt: 'default' }); // the word, since no model is loaded yet
  await checkMaker(run, folder, { model: resolve(model.model!), dtype: model.dtype ?? 'f32', ...noted });
  const open = prompts
    .map((prompt, i) => ({
      prompt,
      seed: seed + BigInt(i),
      file: join(folder, `${slugOf(prompt)}-${seed + BigInt(i)}.mp4`),
    }))
    .filter(({ file }) => !existsSync(file));
  if (open.length === 0) return;
  const { signal, bars } = run;
  const pipeline = await run.model(model);
  let done = 0;
  const streams = pipeline.generateStreams(
    open.map(({ prompt }) => prompt),
    {
      ...samplingOptions(sampling, pipeline.index),
      seed: open.map((one) => one.seed),
      signal,
      onProgress: (progress) => showProgress(progress, bars, open.length),
    },
  );
  for await (const stream of streams) {
    run.note(stream.notes);
    await write(run, stream, { file: open[done]!.file });
    done++;
  }
  bars.end();
}

/** Notes beside the videos how they are made. @throws InputError where those that are there were made in another way */
async function checkMaker(
  { outputs }: Run,
  folder: string,
  maker: Readonly<Record<string, unknown>>,
): Promise<void> {
  const path = join(folder, 'made-by.json');
  const text = `${JSON.stringify(maker)}\n`;
  const before = await readFile(path, 'utf8').catch(() => undefined);
  if (before !== undefined && before !== text)
    throw new InputError(
      `compare: the videos in ${folder} were made in another way, by ${before.trim()}: name another folder with --keep`,
    );
  await outputs.write([{ path, bytes: new TextEncoder().encode(text) }]);
}
