// moviegen decode: latents out of a safetensors file, as a video.

import { bytesToFloats } from '@moviegen/kernels';
import { openFile } from '@moviegen/safetensors/node';
import type { Command } from 'commander';
import { InputError } from '../../errors.ts';
import { type Latents, latentsFrom } from '../../latents.ts';
import { formatOf } from '../../video/encode.ts';
import { withModel } from '../common.ts';
import {
  adapterName,
  adapterRecord,
  type ModelOptions,
  type Run,
  secondsLine,
  secondsRecord,
} from '../run.ts';
import { integer, number } from '../values.ts';
import { write } from '../writeVideo.ts';

interface Options extends ModelOptions {
  readonly output: string;
  readonly framesDir?: string;
  readonly numFrames?: number;
  readonly fps?: number;
}

/** Adds the command. */
export function addDecode(program: Command, run: Run): void {
  const command = program
    .command('decode')
    .description('turn latents into a video')
    .argument('<latents>', 'a safetensors file with one tensor, [channels, frames, height, width]')
    .option('-o, --output <file>', 'the video file', 'out/decoded.mp4')
    .option('--frames-dir <folder>', 'write the frames as PNG files too')
    .option('--num-frames <n>', 'frames (default: what the file says, else 8 a latent frame)', integer)
    .option('--fps <number>', 'frames a second (default: what the file says, else the model’s)', number);
  withModel(command).action((path: string, options: Options) => decode(run, path, options));
}

async function decode(run: Run, path: string, options: Options): Promise<void> {
  run.configure(options);
  const { signal, bars, outputs } = run;
  const { output, framesDir } = options;
  formatOf(output);
  await outputs.check(output);
  if (framesDir !== undefined) await outputs.checkFolder(framesDir);
  const { latents, said } = await readLatents(path, signal);
  const model = await run.model(options);
  const numFrames = options.numFrames ?? said.numFrames;
  const fps = options.fps ?? said.fps ?? model.index.video.fps;
  if (!(fps > 0)) throw new InputError(`decode: fps must be a number above 0, got ${fps}`);
  bars.begin('decode', undefined, { name: 'frames' });
  const frames = await model.decode(latents, {
    signal,
    ...(numFrames !== undefined && { numFrames }),
    onProgress: (done, total) => bars.update(done, total),
  });
  bars.begin('write');
  await write(run, { ...frames, fps }, output, framesDir);
  bars.end();
  const [T, height, width] = frames.shape;
  if (options.json)
    run.print({
      ...{ path: output, ...(framesDir && { framesDir }), numFrames: T, width, height, fps },
      ...{ adapter: adapterRecord(model.device), seconds: secondsRecord(bars.seconds) },
    });
  else {
    run.say(`${output}  ${width}x${height}, ${T} frames at ${fps} a second`);
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
