// A run of diffusers' pipeline as a whole: the prompts and the latents go into our pipeline, its latents after every step and its
// video are held against the reference's.

import { sizeOf } from '@moviegen/kernels';
import type { Device } from '@moviegen/tensor';
import { VideoPipeline } from '../../pipeline.ts';
import type { Frames } from '../../video/frames.ts';
import type { ParityCase, Values } from '../fixture.ts';
import type { ParityReport } from '../parity.ts';
import { checkpointOf, neededJson, readCase, type WanFixtureFiles } from './files.ts';
import { LOOSER, Rows } from './rows.ts';
import type { WanCall } from './runs.ts';

/** Half a step of bytes, in a video of -1 .. 1. */
const HALF_BYTE = 0.5 / 127.5;
/** A picture comes in bytes here, in floats there: half a step of them is in all that follows. */
const FROM_BYTES = 10;

/** Runs `expected/NAME`. */
export async function checkWholeRun(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  name: string,
  bound: number,
): Promise<ParityReport> {
  const call = await neededJson<WanCall>(files, `${folder}/expected/${name}.json`);
  const given = await readCase(files, `${folder}/expected/${name}`);
  const rows = new Rows(bound * LOOSER.step * (call.image ? FROM_BYTES : 1));
  // diffusers puts the picture's latents in the place of the first frame after a step's latents were noted.
  const wanted = (tensor: string) => (call.image ? laterFrames : plain)(given.values(tensor));
  const add = (tensor: string, data: ArrayLike<number>) => {
    const values = { shape: given.values(tensor).shape, data };
    rows.add(tensor, (call.image ? laterFrames : plain)(values), wanted(tensor));
  };
  const pipeline = await VideoPipeline.fromPretrained(await checkpointOf(files, folder), { device });
  try {
    const [height, width] = call.size;
    const start = given.values('input.latents');
    const [, C = 0, T = 0, h = 0, w = 0] = start.shape;
    const { latents, frames } = await pipeline.generate(call.prompt, {
      negativePrompt: call.negative ?? '',
      width,
      height,
      numFrames: call.frames,
      steps: call.steps,
      guidanceScale: call.guidance,
      ...(call.guidance_2 !== undefined && { guidanceScale2: call.guidance_2 }),
      ...(call.scheduler?.includes('Euler') && { solver: 'euler' }),
      ...(call.image && { image: pictureOf(given, height, width) }),
      latents: { data: Float32Array.from(start.data), shape: [C, T, h, w] },
      onProgress: async (told) => {
        if (told.phase === 'sample' && told.step > 0)
          add(`step.${told.step - 1}.latents`, (await told.latents())[0]!.data);
      },
    });
    add('output.latents', latents.data);
    const video = given.values('output.video');
    const made = Array.from(frames.data, (byte) => byte / 127.5 - 1);
    const slack = bound * LOOSER.video * (call.image ? FROM_BYTES : 1) + HALF_BYTE;
    const shape = [frames.shape[0], height, width, 3];
    rows.add('output.video', { shape, data: made }, { shape, data: channelsLast(video) }, slack);
  } finally {
    pipeline.dispose();
  }
  return rows.report(folder, `${name} as a whole`);
}

const plain = (values: Values): Values => values;

/** Without the first latent frame, [1, C, T - 1, h, w]. */
function laterFrames({ shape, data }: Values): Values {
  const [B = 0, C = 0, T = 0, h = 0, w = 0] = shape;
  const later = (_: unknown, i: number) => Math.floor(i / (h * w)) % T > 0;
  return { shape: [B, C, T - 1, h, w], data: Array.from(data).filter(later) };
}

/** [1, 3, T, H, W] to [T, H, W, 3]. */
function channelsLast({ shape, data }: Values): number[] {
  const plane = sizeOf(shape) / 3;
  return Array.from({ length: 3 * plane }, (_, i) => data[(i % 3) * plane + Math.floor(i / 3)]!);
}

/** `input.image`, [1, 3, H, W] of 0 .. 1, in bytes. */
function pictureOf(given: ParityCase, height: number, width: number): Frames {
  const bytes = channelsLast(given.values('input.image')).map((value) => Math.round(value * 255));
  return { data: Uint8Array.from(bytes), shape: [1, height, width, 3] };
}
