// moviegen curate: the options. The work is in node/curate.ts, which is imported when the command runs.

import type { Command } from 'commander';
import { InputError } from 'moviegen';
import { type CommonOptions, integer, number, type Run, withAdapter } from 'moviegen/cli';
import { THRESHOLDS } from './choose/filters.ts';
import { STAGES } from './choose/stages.ts';
import { CLIP_OPTIONS } from './measures/clips.ts';
import type { CurateFlags } from './node/curateCommand.ts';

/** Adds the commands of this package to the program. */
export function addCommands(program: Command, run: Run): void {
  const { duration, border, motion, jitter } = THRESHOLDS;
  const command = program
    .command('curate')
    .description(
      'measure a folder of videos, choose the clips to train on, and write a manifest of all of them',
    )
    .argument('<folder>', 'videos: mp4, mov, webm, mkv, also in folders below')
    .option('-o, --output <file>', 'the manifest, a JSON line per clip', 'manifest.jsonl')
    .option(
      '--stage <1|2|3>',
      'the size and the shares of the paper’s sets, each stricter than the one before',
      stage,
    )
    .option('--duration <least-most>', 'seconds of a file that is looked at', range, duration)
    .option('--clip <least-most>', 'seconds of a clip', range, [CLIP_OPTIONS.least, CLIP_OPTIONS.most])
    .option('--skip <seconds>', 'leave out the beginning of each file', number, CLIP_OPTIONS.skip)
    .option('--min-size <pixels>', 'the shorter side, at least (default: any, or the stage’s)', integer)
    .option('--cut <score>', 'a cut is where FFmpeg’s scene score reaches this', number, CLIP_OPTIONS.cut)
    .option('--max-border <share>', 'refuse borders that take this share of a side', number, border)
    .option('--min-motion <score>', 'the motion score is above this', number, motion)
    .option(
      '--vectors <above-below>',
      'mean length of motion vectors, in pixels at 360 rows (default: any)',
      range,
    )
    .option('--max-jitter <n>', 'cuts per second by hue, saturation and value are below this', number, jitter)
    .option('--brightness <least-most>', 'mean luma, 0 to 255 (default: any)', range)
    .option('--min-sharpness <n>', 'variance of the Laplacian (default: any)', number)
    .option('--landscape <share>', 'of kept clips, at least as wide as high; 1 refuses all others', number)
    .option('--people <share>', 'of kept clips, with people in their captions', number)
    .option('--image-model <dir>', 'CLIP’s image tower, with which concepts are balanced')
    .option('--keep <n>', 'clips wanted in the end: common concepts are thinned to it', integer)
    .option('--clusters <n>', 'concepts (default: the square root of the number of clips)', integer)
    .option(
      '--caption <command>',
      'what captions clips that have no clip.txt or clip.json, as in "program {frames}"',
    )
    .option('--seed <n>', 'chance of clips and of thinning', integer, CLIP_OPTIONS.seed)
    .option('--jobs <n>', 'files that are measured at a time (default: one per core)', integer)
    .option('--export <folder>', 'write the kept clips as mp4 files')
    .option('--size <WxH>', 'the size of exported clips (default: their own)')
    .option('--fps <n>', 'the frame rate of exported clips (default: their own)', number);
  withAdapter(command).action(async (folder: string, options: CurateFlags & CommonOptions) => {
    run.configure({ ...options, output: undefined });
    const { curateCommand } = await import('./node/curateCommand.ts');
    await curateCommand(run, folder, options);
  });
}

function stage(text: string): 1 | 2 | 3 {
  const value = Number(text);
  if (Object.hasOwn(STAGES, text)) return value as 1 | 2 | 3;
  throw new InputError(`curate: --stage must be 1, 2 or 3, got ${text}`);
}

/** `4-16`. */
function range(text: string): [number, number] {
  const [, a, b] = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (a !== undefined && Number(a) <= Number(b)) return [Number(a), Number(b)];
  throw new InputError(
    `curate: expected two numbers with a dash between, the smaller one first, like 4-16, got ${text}`,
  );
}
