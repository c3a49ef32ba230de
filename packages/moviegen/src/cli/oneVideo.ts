// What the commands share that make one video of another: where it comes from, where it goes, what is said about it. Not here:
// how a file is written (writeVideo.ts), the commands (commands/).

import { join } from 'node:path';
import type { Device } from '@moviegen/tensor';
import { type Command, Option } from 'commander';
import type { GivenOptions } from '../generate/given.ts';
import { streamVideo } from '../node/inputs.ts';
import { VIDEO_FORMATS } from '../video/encode.ts';
import type { VideoStream } from '../video/frames.ts';
import {
  adapterName,
  adapterRecord,
  type ModelOptions,
  type Run,
  secondsLine,
  secondsRecord,
} from './run.ts';
import { mergedSeconds } from './samplingBars.ts';
import { framesText, slugOf } from './values.ts';
import { chosen, FORMATS, write } from './writeVideo.ts';

/** Options of such a command. */
export interface OneVideoOptions extends ModelOptions {
  readonly output?: string;
  readonly format: string;
  readonly framesDir?: string;
  readonly allowPartial?: boolean;
  readonly reference?: string;
  readonly seed?: bigint;
}

/** Adds the options. */
export function withOneVideo(command: Command): Command {
  return command
    .option(
      '-o, --output <path>',
      `a file (.${VIDEO_FORMATS.join(', .')}), or - for standard output (default: a new name in out)`,
    )
    .addOption(
      new Option('--format <name>', 'format on standard output, or of a new name')
        .choices(FORMATS)
        .default('mp4'),
    )
    .option('--frames-dir <folder>', 'write the frames as PNG files too')
    .option('--allow-partial', 'take what is there of a file that was cut short');
}

/**
 * Makes one video of another: its file is checked and opened before a model is loaded, and never overwritten.
 * @param name what a new file is named after
 * @param make loads a model and begins the video, whose frames come as they are written
 */
export async function oneVideo(
  run: Run,
  source: string,
  name: string,
  options: OneVideoOptions,
  make: (
    video: VideoStream,
    given: Pick<GivenOptions, 'referenceImage'>,
  ) => Promise<{ readonly stream: VideoStream; readonly device: Device }>,
): Promise<void> {
  run.configure(options);
  const { signal, bars, outputs } = run;
  const { output, format, framesDir, allowPartial, reference, seed = 0n } = options;
  await outputs.spare(source);
  if (reference !== undefined) await outputs.spare(reference);
  const made = output === undefined;
  const file = output ?? join('out', `${slugOf(name)}-${seed}.${format}`);
  const target = await chosen(run, { file, format, made, framesDir });
  const video = await streamVideo(source, { allowPartial, signal });
  const referenceImage =
    reference === undefined ? undefined : await streamVideo(reference, { allowPartial, signal });
  const { stream, device } = await make(video, referenceImage ? { referenceImage } : {});
  run.note(stream.notes);
  const path = await write(run, stream, target, () => bars.begin('write'));
  bars.end();
  const [numFrames, height, width] = stream.shape;
  const { fps, notes = [] } = stream;
  const seconds = mergedSeconds(bars.seconds);
  if (options.json) {
    const about = { source, path, ...(framesDir && { framesDir }), width, height, numFrames, fps };
    const more = { seed: seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : String(seed), notes };
    run.print({
      ...about,
      ...more,
      adapter: adapterRecord(device),
      memory: device.memory(),
      seconds: secondsRecord(seconds),
    });
    return;
  }
  const frames = framesDir === undefined ? '' : `, frames in ${framesDir}`;
  run.say(`${path}  ${width}x${height}, ${framesText(numFrames)} at ${fps} a second, seed ${seed}${frames}`);
  run.say(`adapter: ${adapterName(device)}`);
  run.say(secondsLine(seconds));
}
