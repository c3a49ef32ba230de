// moviegen encode: writes the latents of a video or an image as a safetensors file.

import { serialize } from '@moviegen/safetensors';
import type { Command } from 'commander';
import { streamVideo } from '../../node/inputs.ts';
import { type TileFlags, tilesOf, withAutoencoder } from '../autoencoderOptions.ts';
import {
  adapterName,
  adapterRecord,
  type ModelOptions,
  type Run,
  secondsLine,
  secondsRecord,
} from '../run.ts';
import { number, seed } from '../values.ts';

interface Options extends ModelOptions, TileFlags {
  readonly output?: string;
  readonly fps: number;
  readonly allowPartial?: boolean;
  readonly sampleSeed?: bigint;
}

/** Adds the command. */
export function addEncode(program: Command, run: Run): void {
  const command = program
    .command('encode')
    .description('turn a video or an image into latents')
    .argument('<video>', 'a video or picture file, or a folder of pictures')
    .option(
      '-o, --output <file>',
      'file for the latents, or - for standard output (default: latents.safetensors)',
    )
    .option('--fps <number>', 'frames per second, for a folder of pictures', number, 16)
    .option('--allow-partial', 'take what is there of a file that was cut short')
    .option('--sample-seed <integer>', 'sample the latents instead of taking the most likely ones', seed);
  withAutoencoder(command).action((path: string, options: Options) => encode(run, path, options));
}

async function encode(run: Run, path: string, options: Options): Promise<void> {
  run.configure(options);
  const { signal, bars, outputs } = run;
  const { fps, allowPartial, sampleSeed } = options;
  const file = options.output ?? (await outputs.choose('latents.safetensors'));
  if (file !== '-') await outputs.check(file);
  const video = await streamVideo(path, { fps, allowPartial, signal });
  run.note(video.notes);
  const model = await run.autoencoder(options);
  const tiles = tilesOf(options, model);
  bars.begin('encode', video.shape[0], { name: 'frames' });
  let numFrames = 0; // counted, since a file may hold fewer frames than it says
  const latents = await model.encode(video, {
    signal,
    tiles,
    ...(sampleSeed !== undefined && { sampleSeed }),
    onProgress: (frames) => {
      numFrames = frames;
      bars.update(frames);
    },
  });
  bars.begin('write');
  const [, height, width] = video.shape;
  const bytes = serialize(
    { latents: { dtype: 'F32', shape: latents.shape, data: latents.data } },
    { num_frames: String(numFrames), fps: String(video.fps) },
  );
  const output = await run.write({ path: file, bytes, made: options.output === undefined });
  bars.end();
  if (options.json)
    run.print({
      path: output,
      shape: latents.shape,
      numFrames,
      width,
      height,
      fps: video.fps,
      adapter: adapterRecord(model.device),
      memory: model.device.memory(),
      seconds: secondsRecord(bars.seconds),
    });
  else {
    run.say(`${output}  latents [${latents.shape.join(', ')}] of ${numFrames} frames, ${width}x${height}`);
    run.say(`adapter: ${adapterName(model.device)}`);
    run.say(secondsLine(bars.seconds));
  }
}
