// moviegen gallery: puts several videos side by side in one file. They are made of prompts or read from files. The grid itself
// is in video/grid.ts.

import { basename, extname } from 'node:path';
import { type Command, Option } from 'commander';
import { InputError } from '../../errors.ts';
import type { Progress } from '../../generate/progress.ts';
import { streamVideo } from '../../node/inputs.ts';
import { formatOf, VIDEO_FORMATS } from '../../video/encode.ts';
import { collectFrames, type Video } from '../../video/frames.ts';
import { gridOf } from '../../video/grid.ts';
import { onlyWith, withModel } from '../common.ts';
import { readPrompts } from '../prompts.ts';
import {
  adapterName,
  adapterRecord,
  type ModelOptions,
  type Run,
  secondsLine,
  secondsRecord,
} from '../run.ts';
import { mergedSeconds, showProgress } from '../samplingBars.ts';
import { type SamplingFlags, samplingOptions, withSampling } from '../samplingFlags.ts';
import { integer } from '../values.ts';
import { chosen, write } from '../writeVideo.ts';

interface Options extends ModelOptions, SamplingFlags {
  readonly prompts?: string;
  readonly columns: number;
  readonly scale: number;
  readonly gap: number;
  readonly captions?: boolean;
  readonly output?: string;
  readonly format: string;
  readonly framesDir?: string;
  readonly allowPartial?: boolean;
}

/** Adds the command. */
export function addGallery(program: Command, run: Run): void {
  const command = program
    .command('gallery')
    .description(
      'put several videos side by side in one: videos of the prompts in a file, or videos from files',
    )
    .argument('[videos...]', 'video or picture files, or folders of pictures, instead of prompts')
    .option('-p, --prompts <file>', 'make a video of each line of a text file, or of standard input (-)')
    .option('--columns <n>', 'videos per row', integer, 4)
    .option('--scale <n>', 'enlarge each pixel of the videos to so many pixels along each axis', integer, 1)
    .option('--gap <pixels>', 'pixels around and between the videos', integer, 6)
    .option('--allow-partial', 'take what is there of files that were cut short')
    .option('--captions', 'write below each video its prompt or the name of its file')
    .option(
      '-o, --output <file>',
      `a .${VIDEO_FORMATS.join(', .')} file, a .png where all are images, or - for standard output (default: out/gallery.gif)`,
    )
    .addOption(
      new Option('--format <name>', 'format on standard output')
        .choices([...VIDEO_FORMATS, 'png'])
        .default('gif'),
    )
    .option('--frames-dir <folder>', 'write the frames as PNG files too');
  withModel(withSampling(command)).action((files: string[], options: Options) => {
    run.configure(options);
    if (files.length > 0) onlyWith(command, FOR_FILES, 'a gallery of existing videos');
    return gallery(run, files, options);
  });
}

/** The options that apply where nothing is sampled. */
const FOR_FILES =
  'prompts columns scale gap captions output format framesDir fps allowPartial json quiet debug'.split(' ');

/** A video of the gallery. */
interface Entry {
  readonly video: Video;
  readonly caption: string;
  /** What the JSON says about it. */
  readonly record: Readonly<Record<string, unknown>>;
}

async function gallery(run: Run, files: readonly string[], options: Options): Promise<void> {
  const { framesDir, columns, scale, gap, json } = options;
  const { output: file = 'out/gallery.gif', format } = options;

  if (files.length === 0 && options.prompts === undefined)
    throw new InputError('gallery: give videos, or a file of prompts with --prompts');
  if (files.length > 0 && options.prompts !== undefined)
    throw new InputError('gallery: give videos or --prompts, not both');
  const prompts =
    options.prompts === undefined ? [] : await readPrompts('gallery', options.prompts, run.signal);
  // Checked before anything is made: a wrong output or size should not cost minutes.
  if (file !== '-' && !/\.png$/i.test(file)) formatOf(file);
  const target = await chosen(run, { file, format, made: options.output === undefined, framesDir });
  gridOf([{ data: new Uint8Array(3), shape: [1, 1, 1, 3], fps: 1 }], { columns, scale, gap });

  const entries = await (prompts.length > 0 ? made(run, prompts, options) : read(run, files, options));
  run.bars.begin('write');
  const captions = options.captions ? entries.map(({ caption }) => caption) : undefined;
  const grid = gridOf(
    entries.map(({ video }) => video),
    { columns, scale, gap, captions },
  );
  const output = await write(run, grid, target);
  run.bars.end();

  const device = prompts.length > 0 ? await run.device(options) : undefined;
  const [numFrames, height, width] = grid.shape;
  const seconds = mergedSeconds(run.bars.seconds);
  if (json)
    run.print({
      path: output,
      ...(framesDir && { framesDir }),
      width,
      height,
      numFrames,
      fps: grid.fps,
      videos: entries.map(({ record }) => record),
      ...(device && { adapter: adapterRecord(device) }),
      seconds: secondsRecord(seconds),
    });
  else {
    const what = `${entries.length} videos, ${numFrames} frames at ${grid.fps} a second`;
    run.say(`${output}  ${width}x${height}, ${what}${framesDir ? `, frames in ${framesDir}` : ''}`);
    if (device !== undefined) run.say(`adapter: ${adapterName(device)}`);
    run.say(secondsLine(seconds));
  }
}

/** Makes the videos of prompts. */
async function made(run: Run, prompts: readonly string[], options: Options): Promise<Entry[]> {
  const { signal, bars } = run;
  const model = await run.model(options);
  const onProgress = (progress: Progress) => showProgress(progress, bars, prompts.length);
  const entries: Entry[] = [];
  const streams = model.generateStreams(prompts, {
    ...samplingOptions(options, model.index),
    signal,
    onProgress,
  });
  for await (const stream of streams) {
    const { prompt, seed } = stream;
    run.note(stream.notes);
    const video = await collectFrames(stream);
    const whole = typeof seed === 'bigint' ? seed.toString() : seed;
    entries.push({ video, caption: prompt, record: { prompt, seed: whole, ...sizesOf(video) } });
  }
  return entries;
}

/** Reads videos from files. */
async function read(run: Run, files: readonly string[], options: Options): Promise<Entry[]> {
  const { signal, bars } = run;
  const { fps, allowPartial } = options;
  bars.begin('read', files.length, { name: 'videos', each: 'video' });
  const entries: Entry[] = [];
  for (const path of files) {
    signal.throwIfAborted();
    const stream = await streamVideo(path, { fps, allowPartial, signal });
    run.note(stream.notes);
    const video = await collectFrames(stream);
    const caption = basename(path, extname(path)).replaceAll('-', ' ');
    entries.push({ video, caption, record: { path, ...sizesOf(video) } });
    bars.update(entries.length);
  }
  return entries;
}

function sizesOf({ shape: [numFrames, height, width], fps }: Video): Record<string, number> {
  return { width, height, numFrames, fps };
}
