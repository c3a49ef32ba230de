// moviegen decode: makes a video or an image of the latents in a safetensors file.

import { bytesToFloats } from '@moviegen/kernels';
import { openFile } from '@moviegen/safetensors/node';
import { type Command, Option } from 'commander';
import { InputError } from '../../errors.ts';
import { type Latents, latentsFrom } from '../../generate/latents.ts';
import { type TileFlags, tilesOf, withAutoencoder } from '../autoencoderOptions.ts';
import {
  adapterName,
  adapterRecord,
  type ModelOptions,
  type Run,
  secondsLine,
  secondsRecord,
} from '../run.ts';
import { framesText, integer, number } from '../values.ts';
import { chosen, FORMATS, write } from '../writeVideo.ts';

interface Options extends ModelOptions, TileFlags {
  readonly output?: string;
  readonly format: string;
  readonly framesDir?: string;
  readonly numFrames?: number;
  readonly fps?: number;
}

/** Frames per second where neither the latents nor the checkpoint say it. */
const USUAL_FPS = 16;

/** Adds the command. */
export function addDecode(program: Command, run: Run): void {
  const command = program
    .command('decode')
    .description('turn latents into a video or an image')
    .argument('<latents>', 'a safetensors file with one tensor, [channels, frames, height, width]')
    .option(
      '-o, --output <file>',
      'a video file, a .png, .jpg or .webp for a single frame, or - for standard output (default: out/decoded.mp4)',
    )
    .addOption(new Option('--format <name>', 'format on standard output').choices(FORMATS).default('mp4'))
    .option('--frames-dir <folder>', 'write the frames as PNG files too')
    .option(
      '--num-frames <n>',
      'number of frames (default: what the file says, else all that the latents hold)',
      integer,
    )
    .option('--fps <number>', 'frames per second (default: what the file says, else the model’s)', number);
  withAutoencoder(command).action((path: string, options: Options) => decode(run, path, options));
}

async function decode(run: Run, path: string, options: Options): Promise<void> {
  run.configure(options);
  const { signal, bars } = run;
  const { output: file = 'out/decoded.mp4', format, framesDir } = options;
  const target = await chosen(run, { file, format, made: options.output === undefined, framesDir });
  const { latents, said } = await readLatents(path, signal);
  const model = await run.autoencoder(options);
  const numFrames = model.frameCount(latents, options.numFrames ?? said.numFrames);
  const fps = options.fps ?? said.fps ?? model.fps ?? USUAL_FPS;
  if (!(fps > 0)) throw new InputError(`decode: fps must be a number above 0, got ${fps}`);
  const [, , H, W] = latents.shape;
  const [height, width] = [H * model.factor, W * model.factor];
  const tiles = tilesOf(options, model);
  bars.begin('decode', numFrames, { name: 'frames' });
  const onProgress = (done: number, total: number) => bars.update(done, total);
  const frames = () => model.decodeStream(latents, { numFrames, tiles, signal, onProgress });
  const video = { shape: [numFrames, height, width, 3], fps, [Symbol.asyncIterator]: frames } as const;
  const output = await write(run, video, target, () => bars.begin('write'));
  bars.end();
  if (options.json)
    run.print({
      path: output,
      ...(framesDir && { framesDir }),
      numFrames,
      width,
      height,
      fps,
      adapter: adapterRecord(model.device),
      memory: model.device.memory(),
      seconds: secondsRecord(bars.seconds),
    });
  else {
    run.say(`${output}  ${width}x${height}, ${framesText(numFrames)} at ${fps} a second`);
    run.say(`adapter: ${adapterName(model.device)}`);
    run.say(secondsLine(bars.seconds));
  }
}

async function readLatents(
  path: string,
  signal: AbortSignal,
): Promise<{ latents: Latents; said: { numFrames?: number; fps?: number } }> {
  const file = await openFile(path, { signal });
  try {
    const names = file.names();
    const name = names.includes('latents') ? 'latents' : names[0];
    if (name === undefined || (names.length > 1 && name !== 'latents'))
      throw new InputError(
        `decode: ${path} holds ${names.length} tensors, expected one, or one named latents`,
      );
    const values = bytesToFloats(await file.read(name, { signal }), file.dtype(name));
    const { num_frames: numFrames, fps } = file.metadata;
    return {
      latents: latentsFrom(new Float32Array(values), file.shape(name), `decode: ${path}`),
      said: { ...(numFrames && { numFrames: Number(numFrames) }), ...(fps && { fps: Number(fps) }) },
    };
  } finally {
    await file.close();
  }
}
