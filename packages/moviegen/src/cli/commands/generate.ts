// moviegen generate: prompts in, video files out. Not here: the pipeline (pipeline.ts), how a file is written (writeVideo.ts).

import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { InputError, shown } from '../../errors.ts';
import type { Progress } from '../../generate/progress.ts';
import type { MovieGen } from '../../movieGen.ts';
import type { GenerationStream } from '../../pipeline.ts';
import { formatOf, VIDEO_FORMATS, type VideoFormat } from '../../video/encode.ts';
import { withModel } from '../common.ts';
import {
  adapterName,
  adapterRecord,
  type ModelOptions,
  type Run,
  secondsLine,
  secondsRecord,
} from '../run.ts';
import { countOf, mergedSeconds, showProgress } from '../samplingBars.ts';
import { readPrompts, type SamplingFlags, samplingOptions, withSampling } from '../samplingFlags.ts';
import { slugOf } from '../values.ts';
import { write } from '../writeVideo.ts';

interface Options extends ModelOptions, SamplingFlags {
  readonly prompts?: string;
  readonly output?: string;
  readonly format: VideoFormat;
  readonly framesDir?: string;
}

/** Adds the command. */
export function addGenerate(program: Command, run: Run): void {
  const command = program
    .command('generate')
    .description('make a video of a prompt, or of each line of a file')
    .argument('[prompt...]', 'what the video should show (default: the first example prompt of the model)')
    .option('-p, --prompts <file>', 'make a video of each line of a text file')
    .option('-o, --output <path>', `a file (.${VIDEO_FORMATS.join(', .')}), or a folder (default: out)`)
    .addOption(
      new Option('--format <name>', 'format of the files in a folder').choices(VIDEO_FORMATS).default('mp4'),
    )
    .option('--frames-dir <folder>', 'write the frames as PNG files too');
  withModel(withSampling(command)).action((words: string[], options: Options) =>
    generate(run, words, options),
  );
}

/** Where a video goes. */
interface Target {
  readonly file: string;
  readonly framesDir: string | undefined;
}

async function generate(run: Run, words: readonly string[], options: Options): Promise<void> {
  run.configure(options);
  const { signal, bars, outputs } = run;
  const given = await promptsOf(words, options);
  const target = targetOf(given, options);
  // Checked before anything is loaded: a wrong output or prompt should not cost a minute.
  const first = target(given?.[0] ?? 'probe', 0);
  await outputs.check(first.file);
  if (options.framesDir !== undefined) await outputs.checkFolder(first.framesDir!);

  const model = await run.model(options);
  const prompts = given ?? model.index.prompts.slice(0, 1);
  if (prompts.length === 0) throw new InputError('generate: give a prompt: this model has no example prompt');
  const results: Record<string, unknown>[] = [];
  const onProgress = (progress: Progress) => showProgress(progress, bars, prompts.length);
  for await (const video of model.generateStreams(prompts, {
    ...samplingOptions(options),
    signal,
    onProgress,
  })) {
    const { file, framesDir } = target(video.prompt, results.length);
    const decoded = () => bars.begin(`write${countOf(results.length, 1, prompts.length)}`);
    await write(run, video, file, framesDir, decoded);
    bars.end();
    results.push(recordOf(video, file, framesDir));
    if (!options.json) run.say(summary(video, file, framesDir));
  }
  finish(run, model, results, options);
}

/** The prompts that were given; undefined where the model's own example is meant. */
async function promptsOf(
  words: readonly string[],
  { prompts: file }: Options,
): Promise<string[] | undefined> {
  if (file === undefined) {
    if (words.length === 0) return undefined;
    const prompt = words.join(' ');
    if (prompt.trim() === '') throw new InputError('generate: the prompt is empty');
    return [prompt];
  }
  if (words.length > 0) throw new InputError('generate: give a prompt or --prompts, not both');
  return readPrompts('generate', file);
}

function targetOf(
  prompts: readonly string[] | undefined,
  { output = 'out', format, framesDir, seed = 0n }: Options,
): (prompt: string, index: number) => Target {
  const several = (prompts?.length ?? 1) > 1;
  const isFolder = !/\.[^./\\]+$/.test(output) || output.endsWith('/');
  if (!isFolder) {
    formatOf(output);
    if (several)
      throw new InputError(`generate: --output ${shown(output)} is one file, but there are several prompts`);
    return () => ({ file: output, framesDir });
  }
  const name = (prompt: string, index: number) => `${slugOf(prompt)}-${seed + BigInt(index)}`;
  return (prompt, index) => ({
    file: join(output, `${name(prompt, index)}.${format}`),
    framesDir: framesDir !== undefined && several ? join(framesDir, name(prompt, index)) : framesDir,
  });
}

function summary(
  { shape, fps, seed }: GenerationStream,
  file: string,
  framesDir: string | undefined,
): string {
  const [T, H, W] = shape;
  const more = framesDir === undefined ? '' : `, frames in ${framesDir}`;
  return `${file}  ${W}x${H}, ${T} frames at ${fps} a second, seed ${seed}${more}`;
}

function recordOf(
  { prompt, seed, shape, fps }: GenerationStream,
  file: string,
  framesDir: string | undefined,
) {
  const [numFrames, height, width] = shape;
  const whole = typeof seed === 'bigint' ? seed.toString() : seed;
  return { prompt, seed: whole, path: file, ...(framesDir && { framesDir }), width, height, numFrames, fps };
}

function finish(
  run: Run,
  { device }: MovieGen,
  videos: readonly Record<string, unknown>[],
  { json }: Options,
): void {
  const { seconds } = run.bars;
  if (json)
    run.print({ videos, adapter: adapterRecord(device), seconds: secondsRecord(mergedSeconds(seconds)) });
  else {
    run.say(`adapter: ${adapterName(device)}`);
    run.say(secondsLine(mergedSeconds(seconds)));
  }
}
