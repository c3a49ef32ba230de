// moviegen upscale: a larger video of a video, window by window. Not here: how (upsampler.ts), where files go (oneVideo.ts).

import { type Command, Option } from 'commander';
import { InputError, shown } from '../../errors.ts';
import { SCHEDULES, type ScheduleName, SOLVERS, type SolverName } from '../../generate/request.ts';
import type { UpscaleOptions } from '../../generate/upscale.ts';
import { withModel } from '../common.ts';
import { type OneVideoOptions, oneVideo, withOneVideo } from '../oneVideo.ts';
import { checkWords } from '../prompts.ts';
import type { Run } from '../run.ts';
import { showUpscaling } from '../samplingBars.ts';
import { integer, number, seed, sizeOf } from '../values.ts';

/** Options of upscaling as the command line gives them. */
export interface UpscaleFlags {
  readonly size?: readonly [width: number, height: number];
  readonly scale?: number;
  readonly prompt?: string;
  readonly negativePrompt?: string;
  readonly seed?: bigint;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly schedule?: ScheduleName;
  readonly solver?: SolverName;
  readonly window?: number;
  readonly windowOverlap?: number;
  readonly tile?: number | 'none';
  readonly tileOverlap?: number;
  readonly colorMatch?: boolean;
}

/** Adds the command. */
export function addUpscale(program: Command, run: Run): void {
  const command = program
    .command('upscale')
    .description('make a video larger, with an upsampler')
    .argument('<video>', 'a video or picture file, or a folder of pictures')
    .option('--size <WxH>', 'pixels of the result, as 1920x1080', sizeOf('upscale: --size'))
    .option('--scale <number>', 'how many times as large (default: the model’s, 2)', number)
    .option('--prompt <text>', 'what the video shows (default: nothing)')
    .option('-n, --negative-prompt <text>', 'what it should not show')
    .option('-s, --seed <integer>', 'seed of the noise (default: 0)', seed)
    .option('--steps <n>', 'steps of the solver (default: the model’s, 20)', integer)
    .option('-g, --guidance-scale <number>', 'strength of guidance (default: the model’s, 1: none)', number)
    .addOption(new Option('--schedule <name>', 'how the steps are spread over time').choices(SCHEDULES))
    .addOption(new Option('--solver <name>', 'method that follows the flow').choices(SOLVERS))
    .option('--window <frames>', 'frames of a window (default: the model’s, 14)', integer)
    .option(
      '--window-overlap <frames>',
      'how many of them neighbours share (default: the model’s, 4)',
      integer,
    )
    .option('--tile <pixels>', 'size of a tile, or none for whole frames (default: the model’s, 512)', tile)
    .option(
      '--tile-overlap <pixels>',
      'how much neighbouring tiles share (default: the model’s, 128)',
      integer,
    )
    .option('--color-match', 'give each frame the colours of the frame that it is made of');
  withModel(withOneVideo(command)).action((path: string, options: OneVideoOptions & UpscaleFlags) =>
    upscale(run, path, options),
  );
}

async function upscale(run: Run, path: string, options: OneVideoOptions & UpscaleFlags): Promise<void> {
  checkWords('upscale', options.prompt ?? '');
  await oneVideo(run, path, `upscaled ${options.prompt ?? ''}`, options, async (video) => {
    const upsampler = await run.upsampler(options);
    const stream = upsampler.upscaleStream(video, {
      ...upscaleOptions(options, upsampler),
      signal: run.signal,
      onProgress: (progress) => showUpscaling(progress, run.bars),
    });
    return { stream, device: upsampler.device };
  });
}

/** The options of the library. @throws InputError where pixels are not whole latents */
function upscaleOptions(
  flags: UpscaleFlags,
  {
    index,
    factor,
  }: { readonly index: { readonly window: object; readonly tile: unknown }; readonly factor: number },
): UpscaleOptions {
  const { size: pixels, scale, prompt, negativePrompt, seed: noise, steps, guidanceScale } = flags;
  const { schedule, solver, window, windowOverlap, tile: tiles, tileOverlap, colorMatch } = flags;
  const latents = (name: string, value: number | undefined) => {
    if (value === undefined || value % factor === 0) return value === undefined ? undefined : value / factor;
    throw new InputError(`upscale: ${name} must be a multiple of ${factor} pixels, got ${shown(value)}`);
  };
  const [tileSize, tileShared] = [
    tiles === 'none' ? undefined : latents('--tile', tiles),
    latents('--tile-overlap', tileOverlap),
  ];
  if (tiles === 'none' && tileOverlap !== undefined)
    throw new InputError('upscale: --tile none takes no --tile-overlap');
  const usual = index.tile === 'none' ? { size: 64, overlap: 16 } : (index.tile as object);
  const given = {
    ...(pixels && { width: pixels[0], height: pixels[1] }),
    scale,
    prompt,
    negativePrompt,
    seed: noise,
    steps,
    guidanceScale,
    schedule,
    solver,
    colorMatch,
    ...((window ?? windowOverlap) !== undefined && {
      window: { ...index.window, ...definedOf({ frames: window, overlap: windowOverlap }) },
    }),
    ...(tiles === 'none'
      ? { tile: 'none' }
      : (tileSize ?? tileShared) !== undefined && {
          tile: { ...usual, ...definedOf({ size: tileSize, overlap: tileShared }) },
        }),
  };
  return definedOf(given) as UpscaleOptions;
}

const definedOf = (values: object): object =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

const tile = (text: string): number | 'none' => (text === 'none' ? 'none' : integer(text));
