// What a conditioned transformer is given beside the latents: pictures, a video, a part of one, the end of one, each as latents
// with a mask where the config says so; and a reference picture, as tokens. Each is computed once per call.
//
// Legend: C latent channels, K channels of what is given, T H W latent frames, height, width.

import { type DiTConfig, givenChannels, type VelocityModel } from '@moviegen/dit';
import { Tensor } from '@moviegen/tensor';
import { encodeFrames } from '../../generate/autoencode.ts';
import type { VideoAutoencoder } from '../../generate/family.ts';
import type { Job } from '../../generate/jobs.ts';
import type { Latents } from '../../generate/latents.ts';
import type { GenerationRequest } from '../../generate/request.ts';
import { type Frames, frameOf, piecesOf, type VideoStream } from '../../video/frames.ts';
import type { EncodePictures } from '../imageTower.ts';

/** What is given, as the transformer takes it. */
export interface GivenLatents {
  /** By `embedGiven`; undefined where nothing is given. */
  readonly shown: Tensor | undefined;
  /** What stands for nothing in the emptiest of three branches: a black video where videos are given always. */
  readonly nothing: Tensor | undefined;
  /** The row of the table of tasks; undefined where there is no task. */
  readonly task: number | undefined;
  /** Tokens of the reference picture by the image tower, [1, tokens, width]; undefined where there is none. */
  readonly reference: Tensor | undefined;
  dispose(): void;
}

/** What a transformer can do by its config. */
export function jobsOf({ conditioning, tasks, textDims }: DiTConfig): Job[] {
  const masked: Job[] = conditioning === 'masked' ? ['image', 'lastImage', 'mask', 'extend'] : [];
  const edits: Job[] = conditioning === 'video' || tasks.length > 0 ? ['edit'] : [];
  const references: Job[] = textDims.vision === undefined ? [] : ['reference'];
  return ['text', 'video', ...masked, ...edits, ...references];
}

/** The row of a task, which the request has checked; the last row is for a task that is not named. */
function taskRow(task: string | undefined, tasks: readonly string[]): number | undefined {
  if (tasks.length === 0) return undefined;
  return task === undefined ? tasks.length : tasks.indexOf(task);
}

interface Models {
  readonly dit: VelocityModel;
  readonly encodePictures: EncodePictures | undefined;
  readonly autoencoder: VideoAutoencoder;
}

/** Encodes and embeds what a request gives. The caller disposes of it. */
export async function encodeGiven(
  { dit, autoencoder, encodePictures }: Models,
  { given, latentShape, videoGuidanceScale, height, width }: GenerationRequest,
  signal: AbortSignal | undefined,
): Promise<GivenLatents> {
  const { config, device } = dit;
  const owned: Tensor[] = [];
  const embed = (canvas: Canvas): Tensor => {
    const raw = Tensor.from(device, canvas.data, [1, ...canvas.shape]);
    try {
      const embedded = dit.embedGiven(raw);
      owned.push(embedded);
      return embedded;
    } finally {
      raw.dispose();
    }
  };
  const task = given.job === 'edit' ? taskRow(given.task, config.tasks) : undefined;
  let reference: Tensor | undefined;
  const result = (seen?: Tensor, nothing?: Tensor): GivenLatents => ({
    shown: seen,
    nothing,
    task,
    reference,
    dispose: () => {
      for (const tensor of owned) tensor.dispose();
    },
  });
  const black = async (): Promise<Canvas> => {
    const frame: Frames = { data: new Uint8Array(height * width * 3), shape: [1, height, width, 3] };
    const latents = await encodeFrames(autoencoder, frame, { signal });
    const canvas = new Canvas(config, latentShape);
    for (let t = 0; t < latentShape[1]; t++) canvas.place(latents, 0, t);
    return canvas;
  };
  try {
    if (given.reference) {
      reference = await encodePictures!([given.reference], signal);
      owned.push(reference);
    }
    if (config.conditioning === undefined) return result();
    if (given.job === 'text' || given.job === 'video' || given.job === 'reference')
      return config.conditioning === 'video' ? result(embed(await black())) : result();
    const canvas = new Canvas(config, latentShape);
    await fill(canvas, autoencoder, given, signal);
    const emptied = videoGuidanceScale !== 1 && given.job === 'edit';
    return result(embed(canvas), emptied ? embed(await black()) : undefined);
  } catch (error) {
    for (const tensor of owned) tensor.dispose();
    throw error;
  }
}

async function fill(
  canvas: Canvas,
  autoencoder: VideoAutoencoder,
  { image, lastImage, video, mask, before }: GenerationRequest['given'],
  signal: AbortSignal | undefined,
): Promise<void> {
  const encode = (frames: VideoStream) => encodeFrames(autoencoder, frames, { signal });
  const T = canvas.shape[1];
  if (image) canvas.place(await encode(image), 0, 0);
  if (lastImage) canvas.place(await encode(lastImage), 0, T - 1);
  if (before) for (let t = 0; t < before.shape[1]; t++) canvas.place(before, t, t);
  if (!video) return;
  const area = mask && new KeptArea(canvas.shape, autoencoder);
  const latents = await encode(area ? area.keeping(video, mask) : video);
  for (let t = 0; t < T; t++) canvas.place(latents, t, t, area?.values());
}

/** What is given, [K, T, H, W] on the host, zeros at first: a mask where the config has one, then latents. */
class Canvas {
  readonly data: Float32Array<ArrayBuffer>;
  readonly shape: readonly [K: number, T: number, H: number, W: number];
  readonly #masked: boolean;

  constructor(config: DiTConfig, [, T, H, W]: GenerationRequest['latentShape']) {
    this.shape = [givenChannels(config), T, H, W];
    this.data = new Float32Array(this.shape[0] * T * H * W);
    this.#masked = config.conditioning === 'masked';
  }

  /** Gives latent frame `from` at `to`: wholly, or as much as `kept` [T, H, W] says. */
  place({ data, shape: [C, frames, H, W] }: Latents, from: number, to: number, kept?: Float32Array): void {
    const [, T] = this.shape;
    const plane = H * W;
    const share = (i: number) => kept?.[to * plane + i] ?? 1;
    const first = this.#masked ? 1 : 0;
    for (let i = 0; i < plane; i++) {
      if (this.#masked) this.data[to * plane + i] = share(i);
      for (let c = 0; c < C; c++)
        this.data[((first + c) * T + to) * plane + i] = share(i) * data[(c * frames + from) * plane + i]!;
    }
  }
}

const GREY = 128;

/** Which part of a video is kept, by area of each position of the latent, while the video goes by. */
class KeptArea {
  readonly #shape: readonly [K: number, T: number, H: number, W: number];
  readonly #factor: number;
  /** Frames of a latent frame, and how many the first one stands for. */
  readonly #frames: number;
  readonly #first: number;
  readonly #sums: Float64Array;
  readonly #counts: Float64Array; // frames seen, by latent frame

  constructor(shape: readonly [number, number, number, number], { factor, frames }: VideoAutoencoder) {
    const [, T, H, W] = shape;
    this.#shape = shape;
    this.#factor = factor;
    this.#first = frames(1).most;
    this.#frames = frames(2).most - this.#first;
    this.#sums = new Float64Array(T * H * W);
    this.#counts = new Float64Array(T);
  }

  /** The video with grey where it is not kept. */
  keeping(video: VideoStream, mask: VideoStream): VideoStream {
    const area = this;
    return {
      ...video,
      async *[Symbol.asyncIterator]() {
        const masks = piecesOf(mask);
        const one = mask.shape[0] === 1;
        let [piece, at, count] = [undefined as Frames | undefined, 0, 0];
        try {
          for await (const frames of piecesOf(video)) {
            const data = Uint8Array.from(frames.data);
            for (let k = 0; k < frames.shape[0]; k++) {
              if (piece === undefined || (!one && at === piece.shape[0])) {
                const next = await masks.next();
                if (next.done !== true) [piece, at] = [next.value, 0];
              }
              const kept = frameOf(piece!, one ? 0 : Math.min(at++, piece!.shape[0] - 1));
              area.#add(count++, kept, data, k * kept.length);
            }
            yield { data, shape: frames.shape };
          }
        } finally {
          await masks.return(undefined);
        }
      },
    };
  }

  #add(frame: number, mask: Uint8Array, pixels: Uint8Array, from: number): void {
    const [, , H, W] = this.#shape;
    const width = W * this.#factor;
    const t = frame < this.#first ? 0 : 1 + Math.floor((frame - this.#first) / this.#frames);
    this.#counts[t]!++;
    for (let i = 0; i < mask.length / 3; i++) {
      const share = mask[i * 3]! / 255;
      const y = Math.floor(Math.floor(i / width) / this.#factor);
      const x = Math.floor((i % width) / this.#factor);
      this.#sums[(t * H + y) * W + x]! += share;
      for (let c = 0; c < 3; c++) {
        const pixel = from + i * 3 + c;
        pixels[pixel] = Math.round(pixels[pixel]! * share + GREY * (1 - share));
      }
    }
  }

  /** [T, H, W]: the share that is kept. */
  values(): Float32Array {
    const plane = this.#shape[2] * this.#shape[3];
    return Float32Array.from(
      this.#sums,
      (sum, i) => sum / (this.#counts[Math.floor(i / plane)]! * this.#factor ** 2),
    );
  }
}
