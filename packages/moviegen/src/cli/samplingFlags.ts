// Options of the commands that make videos of prompts, and the options of the library that they become. The library checks
// them (generate/options.ts).

import { type Command, Option } from 'commander';
import type { GenerateOptions } from '../generate/options.ts';
import { GUIDANCES, type Guidance, SCHEDULES, type ScheduleName, SOLVERS } from '../generate/request.ts';
import { integer, number, seed } from './values.ts';

/** How prompts are sampled, as the command line gives it. */
export interface SamplingFlags {
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
  readonly batch?: number;
  readonly videoGuidanceScale?: number;
}

/** Adds the scale of guidance for what is given. */
export function withVideoGuidance(command: Command): Command {
  return command.option(
    '--video-guidance-scale <number>',
    'strength of guidance by the video or the pictures, in three branches (default: 1, in two)',
    number,
  );
}

/** Adds the options. @param which whether the command makes several videos, and chooses their number of frames */
export function withSampling(
  command: Command,
  { several = true, frames = true }: { readonly several?: boolean; readonly frames?: boolean } = {},
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
    .addOption(
      new Option(
        '--guidance <how>',
        'compute the two branches of guidance in one batch, or one after the other',
      ).choices(GUIDANCES),
    )
    .option('-n, --negative-prompt <text>', 'what the video should not show')
    .option('--width <pixels>', 'a multiple of 16 (default: the model’s)', integer)
    .option('--height <pixels>', 'a multiple of 16 (default: the model’s)', integer)
    .option('--fps <number>', 'frames per second (default: the model’s)', number)
    .addOption(new Option('--schedule <name>', 'how the steps are spread over time').choices(SCHEDULES))
    .addOption(new Option('--solver <name>', 'method that follows the flow').choices(SOLVERS));
}

/** The options of the library. */
export function samplingOptions(flags: SamplingFlags): GenerateOptions {
  const { seed, steps, guidanceScale, guidance, negativePrompt, width, height, numFrames, fps } = flags;
  const { schedule, solver, batch, videoGuidanceScale } = flags;
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
    videoGuidanceScale,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
