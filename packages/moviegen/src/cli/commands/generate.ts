// moviegen generate: prompts in, video files out. Not here: the pipeline (pipeline.ts), how a file is written (writeVideo.ts).

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSource } from '@moviegen/safetensors/node';
import { type Command, Option } from 'commander';
import { InputError, shown } from '../../errors.ts';
import type { GivenOptions } from '../../generate/given.ts';
import type { GenerateOptions } from '../../generate/options.ts';
import type { Progress } from '../../generate/progress.ts';
import { type PromptStates, readPromptStates } from '../../generate/promptStates.ts';
import { streamVideo } from '../../node/inputs.ts';
import type { GenerationStream, VideoPipeline } from '../../pipeline.ts';
import { VIDEO_FORMATS } from '../../video/encode.ts';
import type { VideoStream } from '../../video/frames.ts';
import { withModel } from '../common.ts';
import { checkWords, readPrompts } from '../prompts.ts';
import {
  adapterName,
  adapterRecord,
  type ModelOptions,
  type Run,
  secondsLine,
  secondsRecord,
  upsamplerPlace,
} from '../run.ts';
import { countOf, mergedSeconds, showProgress } from '../samplingBars.ts';
import { type SamplingFlags, samplingOptions, withGuidedSampling } from '../samplingFlags.ts';
import { framesText, number, sizeOf, slugOf } from '../values.ts';
import { checkCount, checkTarget, FORMATS, type Target, write } from '../writeVideo.ts';

interface Options extends ModelOptions, SamplingFlags {
  readonly prompts?: string;
  readonly promptStates?: string;
  readonly output?: string;
  readonly format: string;
  readonly framesDir?: string;
  readonly video?: string;
  readonly strength?: number;
  readonly image?: string;
  readonly lastImage?: string;
  readonly mask?: string;
  readonly reference?: string;
  readonly allowPartial?: boolean;
  readonly upscale?: number | readonly [width: number, height: number];
  readonly upsampler?: string;
}

/** Adds the command. */
export function addGenerate(program: Command, run: Run): void {
  const command = program
    .command('generate')
    .description('make a video of a prompt, or of each line of a file')
    .argument('[prompt...]', 'what the video should show (default: the first example prompt of the model)')
    .option('-p, --prompts <file>', 'make a video of each line of a text file, or of standard input (-)')
    .option(
      '--prompt-states <file>',
      'take the states of the prompts from a file of encode-text: the text encoder is left alone',
    )
    .option(
      '-o, --output <path>',
      `a file (.${VIDEO_FORMATS.join(', .')}, or .png, .jpg, .webp for a single frame), a folder, or - for standard output (default: out)`,
    )
    .addOption(
      new Option('--format <name>', 'format of files in a folder and on standard output')
        .choices(FORMATS)
        .default('mp4'),
    )
    .option('--frames-dir <folder>', 'write the frames as PNG files too')
    .option('--video <file>', 'start from a video: --strength says how much of it is made anew')
    .option(
      '--strength <number>',
      'above 0, where the video stays, up to 1, where nothing of it does (default: 0.8)',
      number,
    )
    .option('--image <file>', 'a picture of the first frame')
    .option('--last-image <file>', 'a picture of the last frame')
    .option('--mask <file>', 'a picture or a video: what is white in it is kept of --video')
    .option('--allow-partial', 'take what is there of a video that was cut short')
    .option(
      '--upscale <n|WxH>',
      'make the result larger, n times or to a size, with --upsampler',
      scaleOrSize,
    )
    .option('--upsampler <dir|url>', 'the checkpoint of --upscale (default: MOVIEGEN_UPSAMPLER)');
  withModel(withGuidedSampling(command)).action((words: string[], options: Options) =>
    generate(run, words, options),
  );
}

async function generate(run: Run, words: readonly string[], options: Options): Promise<void> {
  run.configure(options);
  const { signal, bars } = run;
  const promptStates = await statesOf(run, options.promptStates);
  const given = (await promptsOf(run, words, options)) ?? (promptStates && [promptStates.prompt.text]);
  const isOne = (given?.length ?? 1) === 1;
  if (options.upscale !== undefined) upsamplerPlace(options.upsampler, '--upsampler');
  else if (options.upsampler !== undefined) throw new InputError('generate: --upsampler is for --upscale');
  const intoFolder = await isFolder(options.output ?? 'out');
  if (!intoFolder && !isOne)
    throw new InputError(
      `generate: --output ${shown(options.output)} is one file, but there are several prompts`,
    );
  const givenFiles = [options.video, options.image, options.lastImage, options.mask, options.reference];
  for (const file of givenFiles) if (file !== undefined) await run.outputs.spare(file);
  // Chosen and checked before anything is loaded: a wrong output or prompt should not cost a minute.
  let targets = await targetsOf(run, given ?? ['probe'], options, intoFolder);
  await checkTarget(run, targets[0]!);
  checkCount(targets[0]!, options.numFrames);

  const inputs = await opened(run, options);
  const { mask, image, lastImage, referenceImage } = inputs;
  const pictures = mask ? 'mask' : image ? 'image' : lastImage ? 'lastImage' : undefined;
  const model = await run.model(options, pictures ?? (referenceImage ? 'reference' : 'text'));
  const upscale = await upscaling(run, options);
  checkCount(targets[0]!, options.numFrames ?? inputs.video?.shape[0] ?? model.index.video.numFrames);
  const prompts = given ?? model.index.prompts.slice(0, 1);
  if (prompts.length === 0) throw new InputError('generate: give a prompt: this model has no example prompt');
  if (given === undefined) targets = await targetsOf(run, prompts, options, intoFolder);
  const results: Record<string, unknown>[] = [];
  const onProgress = (progress: Progress) => showProgress(progress, bars, prompts.length);
  for await (const video of model.generateStreams(prompts, {
    ...samplingOptions(options, model.index),
    ...inputs,
    ...(options.strength !== undefined && { strength: options.strength }),
    ...(upscale && { upscale }),
    ...(promptStates && { promptStates }),
    signal,
    onProgress,
  })) {
    run.note(video.notes);
    const target = targets[results.length]!;
    const decoded = () => bars.begin(`write${countOf(results.length, 1, prompts.length)}`);
    const file = await write(run, video, target, decoded);
    bars.end();
    results.push(recordOf(video, file, target.framesDir));
    if (!options.json) run.say(summary(video, file, target.framesDir));
  }
  finish(run, model, results, options);
}

/** The videos and pictures that options name, open. */
async function opened(
  { signal }: Run,
  { video, image, lastImage, mask, reference, fps, allowPartial }: Options,
): Promise<GivenOptions> {
  const given: Record<string, VideoStream> = {};
  for (const [name, file] of Object.entries({ video, image, lastImage, mask, referenceImage: reference }))
    if (file !== undefined) given[name] = await streamVideo(file, { fps, allowPartial, signal });
  return given;
}

/** What makes the result larger, where that is asked for. */
async function upscaling(run: Run, options: Options): Promise<GenerateOptions['upscale']> {
  const {
    upscale,
    upsampler: model,
    adapter,
    dtype,
    variant,
    revision,
    header,
    maxMemory,
    offload,
  } = options;
  if (upscale === undefined) return undefined;
  const loading = { adapter, dtype, variant, revision, header, maxMemory, offload } as ModelOptions;
  const upsampler = await run.upsampler({ ...loading, ...(model !== undefined && { model }) });
  return typeof upscale === 'number'
    ? { upsampler, scale: upscale }
    : { upsampler, width: upscale[0], height: upscale[1] };
}

const scaleOrSize = (text: string) => (/x/i.test(text) ? sizeOf('generate: --upscale')(text) : number(text));

async function statesOf({ signal }: Run, path: string | undefined): Promise<PromptStates | undefined> {
  if (path === undefined) return undefined;
  const source = await fileSource(path);
  if (source === undefined) throw new InputError(`generate: --prompt-states ${path}: there is no such file`);
  return readPromptStates(source, { signal });
}

/** The prompts that were given; undefined where the model's own example is meant. */
async function promptsOf(
  { signal }: Run,
  words: readonly string[],
  { prompts: file, negativePrompt = '' }: Options,
): Promise<string[] | undefined> {
  checkWords('generate', negativePrompt);
  if (file === undefined) {
    if (words.length === 0) return undefined;
    const prompt = words.join(' ');
    if (prompt.trim() === '') throw new InputError('generate: the prompt is empty');
    checkWords('generate', prompt);
    return [prompt];
  }
  if (words.length > 0) throw new InputError('generate: give a prompt or --prompts, not both');
  return readPrompts('generate', file, signal);
}

/** Where the videos of prompts go. In a folder, names are made of prompts and seeds, and what is there stays. */
async function targetsOf(
  { outputs }: Run,
  prompts: readonly string[],
  { output = 'out', format, framesDir, seed = 0n }: Options,
  intoFolder: boolean,
): Promise<Target[]> {
  const targets: Target[] = [];
  for (const [i, prompt] of prompts.entries()) {
    const name = `${slugOf(prompt)}-${seed + BigInt(i)}`;
    const frames =
      framesDir !== undefined && prompts.length > 1 ? await outputs.choose(join(framesDir, name)) : framesDir;
    const file = intoFolder ? await outputs.choose(join(output, `${name}.${format}`)) : output;
    targets.push({ file, format, made: intoFolder, framesDir: frames });
  }
  return targets;
}

/** Whether an output is a folder: one that is there, unless it is called like a file, or a name without an extension. */
async function isFolder(output: string): Promise<boolean> {
  if (output === '-') return false;
  const [, extension] = /\.([^./\\]+)$/.exec(output) ?? [];
  if (extension === undefined || /[/\\]$/.test(output)) return true;
  if (FORMATS.includes(extension.toLowerCase())) return false;
  const found = await stat(output).catch(() => undefined);
  return found?.isDirectory() === true;
}

function summary(
  { shape, fps, seed, computed }: GenerationStream,
  file: string,
  framesDir: string | undefined,
): string {
  const [T, H, W] = shape;
  const more = framesDir === undefined ? '' : `, frames in ${framesDir}`;
  const share = computed === undefined ? '' : `, ${(100 * computed).toFixed(0)}% of the blocks computed`;
  return `${file}  ${W}x${H}, ${framesText(T)} at ${fps} a second, seed ${seed}${share}${more}`;
}

function recordOf(
  { prompt, seed, shape, fps, computed, notes }: GenerationStream,
  file: string,
  framesDir: string | undefined,
) {
  const [numFrames, height, width] = shape;
  const whole = typeof seed === 'bigint' ? seed.toString() : seed;
  return {
    prompt,
    seed: whole,
    path: file,
    ...(framesDir && { framesDir }),
    width,
    height,
    numFrames,
    fps,
    ...(computed !== undefined && { computed }),
    ...(notes && { notes }),
  };
}

function finish(
  run: Run,
  { device }: VideoPipeline,
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
