// Options of the commands that make videos of prompts, and what they mean to the library.

import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { InputError } from '../errors.ts';
import type { GenerateOptions } from '../generate/options.ts';
import { GUIDANCES, type Guidance, SCHEDULES, type ScheduleName, SOLVERS } from '../generate/request.ts';
import { integer, number, seed } from './values.ts';

/** How prompts are sampled, as given. */
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
}

/** Adds them. */
export function withSampling(command: Command): Command {
  return command
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
    .option('--batch <n>', 'prompts sampled together', integer);
}

/** What the library is asked for. */
export function samplingOptions(flags: SamplingFlags): GenerateOptions {
  const { seed, steps, guidanceScale, guidance, negativePrompt, width, height, numFrames, fps } = flags;
  const { schedule, solver, batch } = flags;
  const given = {
    ...{ seed, steps, guidanceScale, guidance, negativePrompt, width, height, numFrames, fps },
    ...{ schedule, solver, batch },
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** The prompts in a text file, one a line. @param command its name, for messages. @throws InputError */
export async function readPrompts(command: string, file: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new InputError(`${command}: cannot read --prompts ${file}: ${(cause as Error).message}`, { cause });
  }
  const prompts = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (prompts.length === 0) throw new InputError(`${command}: --prompts ${file} holds no prompt`);
  return prompts;
}
