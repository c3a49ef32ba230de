// Options of the commands that make videos of prompts, and the options of the library that they become. The library checks
// them (generate/options.ts).

import { type Command, Option } from 'commander';
import { InputError } from '../errors.ts';
import type { GenerateOptions } from '../generate/options.ts';
import {
  type GenerationDefaults,
  GUIDANCES,
  type Guidance,
  SCHEDULES,
  type ScheduleName,
  SOLVERS,
} from '../generate/request.ts';
import { integer, interval, number, seed } from './values.ts';

/** How prompts are sampled, as the command line gives it. */
export interface SamplingFlags {
  readonly seed?: bigint;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly guidanceScale2?: number;
  readonly guidance?: Guidance;
  readonly guidanceInterval?: readonly [number, number];
  readonly negativePrompt?: string;
  readonly width?: number;
  readonly height?: number;
  readonly numFrames?: number;
  readonly fps?: number;
  readonly schedule?: ScheduleName;
  readonly solver?: (typeof SOLVERS)[number];
  readonly shift?: number;
  readonly cache?: number;
  readonly batch?: number;
  readonly videoGuidanceScale?: number;
  readonly referenceGuidanceScale?: number;
}

/** Adds the options of commands that may also be given videos and pictures. @param which as of `withSampling` */
export function withGuidedSampling(command: Command, which?: SamplingCommand): Command {
  return withSampling(command, which)
    .option(
      '--video-guidance-scale <number>',
      'strength of guidance by the video or the pictures, in three branches (default: 1, in two)',
      number,
    )
    .option('--reference <file>', 'a picture of what the video shall show, in a scene of its own')
    .option(
      '--reference-guidance-scale <number>',
      'strength of guidance by --reference, in three branches (default: that of guidance, in two)',
      number,
    );
}

/** Whether a command makes several videos, and chooses their number of frames. Default: both. */
interface SamplingCommand {
  readonly several?: boolean;
  readonly frames?: boolean;
}

/** Adds the options. */
export function withSampling(
  command: Command,
  { several = true, frames = true }: SamplingCommand = {},
): Command {
  if (several) command.option('--batch <n>', 'prompts sampled together', integer);
  if (frames) command.option('--num-frames <n>', 'number of frames (default: the model’s)', integer);
  return command
    .option(
      '-s, --seed <integer>',
      'seed of the noise; each further prompt takes the next integer (default: 0)',
      seed,
    )
    .option('--steps <n>', 'steps of the solver (default: the model’s, 50)', integer)
    .option(
      '-g, --guidance-scale <number>',
      'strength of guidance; 1 turns it off (default: the model’s)',
      number,
    )
    .option('--guidance-scale-2 <number>', 'the same for the second of two transformers', number)
    .addOption(
      new Option(
        '--guidance <how>',
        'compute the two branches of guidance in one batch, or one after the other',
      ).choices(GUIDANCES),
    )
    .option(
      '--guidance-interval <start,end>',
      'compute guidance only between these shares of the steps, like 0.1,0.9 (default: 0,1)',
      interval,
    )
    .option(
      '-n, --negative-prompt <text>',
      'what the video should not show; the word default stands for the text of the model’s authors',
    )
    .option('--width <pixels>', 'a multiple of 16 (default: the model’s)', integer)
    .option('--height <pixels>', 'a multiple of 16 (default: the model’s)', integer)
    .option('--fps <number>', 'frames per second (default: the model’s)', number)
    .addOption(new Option('--schedule <name>', 'how the steps are spread over time').choices(SCHEDULES))
    .addOption(new Option('--solver <name>', 'method that follows the flow').choices(SOLVERS))
    .option('--shift <number>', 'moves the steps of Wan towards noise (default: the model’s)', number)
    .option(
      '--cache <threshold>',
      'leave out most blocks of the transformer where the first changes less than this, about 0.1 (default: 0, off)',
      number,
    );
}

/** The options of the library. @param model whose negative prompt `default` is @throws InputError where it has none */
export function samplingOptions(
  flags: SamplingFlags,
  { negativePrompt: authors }: Pick<GenerationDefaults, 'negativePrompt'>,
): GenerateOptions {
  const { seed, steps, guidanceScale, guidanceScale2, guidance, guidanceInterval } = flags;
  const { width, height, numFrames, fps, schedule, solver, shift, cache, batch } = flags;
  const { videoGuidanceScale, referenceGuidanceScale } = flags;
  const negativePrompt = flags.negativePrompt === 'default' ? authors : flags.negativePrompt;
  if (flags.negativePrompt === 'default' && authors === undefined)
    throw new InputError(
      '--negative-prompt default: this model has no negative prompt of its authors: give a text',
    );
  const given = {
    seed,
    steps,
    guidanceScale,
    guidanceScale2,
    guidance,
    guidanceInterval,
    negativePrompt,
    width,
    height,
    numFrames,
    fps,
    schedule,
    solver,
    shift,
    cache,
    batch,
    videoGuidanceScale,
    referenceGuidanceScale,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
