// Videos of a checkpoint for a list of prompts, in a folder: those that are there already are not made again.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { GenerateOptions } from '../../generate/options.ts';
import type { ModelOptions, Run } from '../run.ts';
import { showProgress } from '../samplingBars.ts';
import { slugOf } from '../values.ts';
import { write } from '../writeVideo.ts';

/** Makes what is missing. Prompt i is sampled with seed `seed + i`, whichever are missing. */
export async function makeVideos(
  run: Run,
  prompts: readonly string[],
  folder: string,
  model: ModelOptions,
  sampling: GenerateOptions,
  seed: bigint,
): Promise<void> {
  await run.outputs.checkFolder(folder);
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
      ...sampling,
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
