// moviegen generate: prompts in, video files out.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { InputError, shown } from '../../errors.ts';
import {
  type GenerateOptions,
  GUIDANCES,
  type Guidance,
  SCHEDULES,
  type ScheduleName,
  SOLVERS,
} from '../../generateOptions.ts';
import type { GenerationStream, MovieGen } from '../../movieGen.ts';
import type { Progress } from '../../progress.ts';
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
import { integer, number, seed, slugOf } from '../values.ts';
import { write } from '../writeVideo.ts';

interface Options extends ModelOptions {
  readonly seed?: bigint;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly guidance?: Guidance;
  readonly negativePrompt?: string;
  readonly width?: number;
  readonly height?: number;
  readonly numFrames?: number;
  readonly fps?: number;
  readonly schedule?: ScheduleName;
  readonly solver?: (typeof SOLVERS)[number];
  readonly prompts?: string;
  readonly batch?: number;
  readonly output?: string;
  readonly format: VideoFormat;
  readonly framesDir?: string;
}

/** Adds the command. */
export function addGenerate(program: Command, run: Run): void {
  const command = program
    .command('generate')
    .description('make a video of a prompt, or of each line of a file')
    .argument('[prompt...]', 'what the video shows; default: the first example of the model')
    .option(
      '-s, --seed <integer>',
      'seed of the noise; the second prompt takes the next one, and so on (default: 0)',
      seed,
    )
    .option('--steps <n>', 'steps of the solver (default: the model’s, 50)', integer)
    .option('-g, --guidance-scale <number>', 'guidance; 1 is none (default: the model’s)', number)
    .addOption(
      new Option('--guidance <how>', 'its two branches in one batch, or one after the other').choices(
        GUIDANCES,
      ),
    )
    .option('-n, --negative-prompt <text>', 'what the video should not show')
    .option('--width <pixels>', 'a multiple of 16 (default: the model’s)', integer)
    .option('--height <pixels>', 'a multiple of 16 (default: the model’s)', integer)
    .option('--num-frames <n>', 'frames (default: the model’s)', integer)
    .option('--fps <number>', 'frames a second (default: the model’s)', number)
    .addOption(new Option('--schedule <name>', 'where the steps lie').choices(SCHEDULES))
    .addOption(new Option('--solver <name>', 'how the flow is followed').choices(SOLVERS))
    .option('-p, --prompts <file>', 'make a video of each line of a text file')
    .option('--batch <n>', 'prompts sampled together', integer)
    .option('-o, --output <path>', `a file (.${VIDEO_FORMATS.join(', .')}), or a folder (default: out)`)
    .addOption(
      new Option('--format <name>', 'format of files in a folder').choices(VIDEO_FORMATS).default('mp4'),
    )
    .option('--frames-dir <folder>', 'write the frames as PNG files too');
  withModel(command).action((words: string[], options: Options) => generate(run, words, options));
}

/** What goes where. */
interface Target {
  readonly file: string;
  readonly framesDir: string | undefined;
}

async function generate(run: Run, words: readonly string[], options: Options): Promise<void> {
  run.configure(options);
  const { signal, bars, outputs } = run;
  const given = await promptsOf(words, options);
  const target = targetOf(given, options);
  // Before anything is loaded: a wrong output or prompt should not cost a minute.
  const first = target(given?.[0] ?? 'probe', 0);
  await outputs.check(first.file);
  if (options.framesDir !== undefined) await outputs.checkFolder(first.framesDir!);

  const model = await run.model(options);
  const prompts = given ?? model.index.prompts.slice(0, 1);
  if (prompts.length === 0)
    throw new InputError('generate: give a prompt; this model has no example to take in its place');
  const results: Record<string, unknown>[] = [];
  const onProgress = (progress: Progress) => show(progress, run, prompts.length);
  for await (const video of model.generateStreams(prompts, {
    ...generateOptions(options),
    signal,
    onProgress,
  })) {
    const { file, framesDir } = target(video.prompt, results.length);
    const decoded = () => bars.begin(`write${count(results.length, 1, prompts.length)}`);
    await write(run, video, file, framesDir, decoded);
    bars.end();
    results.push(recordOf(video, file, framesDir));
    if (!options.json) run.say(summary(video, file, framesDir));
  }
  finish(run, model, results, options);
}

/** The prompts asked for; undefined where the model's own example is meant. */
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
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new InputError(`generate: cannot read --prompts ${file}: ${(cause as Error).message}`, { cause });
  }
  const prompts = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (prompts.length === 0) throw new InputError(`generate: --prompts ${file} holds no prompt`);
  return prompts;
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

function generateOptions(options: Options): GenerateOptions {
  const { seed, steps, guidanceScale, guidance, negativePrompt, width, height, numFrames, fps } = options;
  const { schedule, solver, batch } = options;
  const given = {
    seed,
    steps,
    guidanceScale,
    guidance,
    negativePrompt,
    width,
    height,
    numFrames,
    fps,
    schedule,
    solver,
    batch,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function show(progress: Progress, { bars }: Run, prompts: number): void {
  if (progress.phase === 'load') return;
  const phase = `${progress.phase}${count(progress.first, progress.count, prompts)}`;
  if (progress.phase === 'sample') {
    if (progress.step === 0) bars.begin(phase, progress.steps, { name: 'steps', each: 'step' });
    else bars.update(progress.step);
  } else if (progress.phase === 'decode') {
    if (progress.frames === 0) bars.begin(phase, progress.totalFrames, { name: 'frames' });
    else bars.update(progress.frames);
  } else bars.begin(phase);
}

/** ` 3-4/96` where there are several prompts. */
function count(first: number, many: number, of: number): string {
  if (of === 1) return '';
  return many === 1 ? ` ${first + 1}/${of}` : ` ${first + 1}-${first + many}/${of}`;
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
  if (json) run.print({ videos, adapter: adapterRecord(device), seconds: secondsRecord(merged(seconds)) });
  else {
    run.say(`adapter: ${adapterName(device)}`);
    run.say(secondsLine(merged(seconds)));
  }
}

/** Phases of several prompts, added up. */
function merged(seconds: Readonly<Record<string, number>>): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, value] of Object.entries(seconds)) {
    const phase = name.split(' ')[0]!;
    sums[phase] = (sums[phase] ?? 0) + value;
  }
  return sums;
}
