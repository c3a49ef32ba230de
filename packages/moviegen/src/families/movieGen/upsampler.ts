// The spatial upsampler (Movie Gen section 3.1.5): a transformer that is given the video, enlarged, frame by frame through an
// image autoencoder, and follows the flow in windows. The whole video's latents are on the host; frames come and go as streams.
//
// Legend: C latent channels, T frames, which are latent frames here, H W the latent's height and width.

import type { VelocityModel } from '@moviegen/dit';
import { sampleOnHost, Windows } from '@moviegen/sampler';
import type { TAE } from '@moviegen/tae';
import { type Device, orAborted, randn, Tensor } from '@moviegen/tensor';
import type { TextEncoders } from '@moviegen/text';
import { decodeFrames, encodePieces } from '../../generate/autoencode.ts';
import type { GuidedVelocity, VideoAutoencoder } from '../../generate/family.ts';
import type { GivenVideo } from '../../generate/given.ts';
import type { Latents } from '../../generate/latents.ts';
import type { UpscaleOptions, UpscaleRequest } from '../../generate/upscale.ts';
import { colourMoments, type EnlargedSize, enlarged } from '../../video/enlarge.ts';
import { type Frames, piecesOf } from '../../video/frames.ts';
import { videoAutoencoder } from './autoencoder.ts';
import { type Conditions, conditionsOf } from './conditions.ts';
import { velocityOf } from './models.ts';
import { type FlowPath, samplingOf } from './sampling.ts';
import type { UpsamplerIndex } from './upsamplerIndex.ts';

/** What is told while a video is upscaled, and what stops it. */
type Told = Pick<UpscaleOptions, 'onProgress' | 'signal'>;

/** An upsampler's models on a device. */
export class UpsamplerModels {
  readonly autoencoder: VideoAutoencoder;
  readonly #close: () => void;

  /** @param close releases the files that are still read. */
  constructor(
    readonly index: UpsamplerIndex,
    readonly text: TextEncoders,
    readonly dit: VelocityModel,
    readonly tae: TAE,
    close: () => void,
  ) {
    this.autoencoder = videoAutoencoder(tae);
    this.#close = close;
  }

  get device(): Device {
    return this.dit.device;
  }

  /** Latents of a token along height and width. */
  get patch(): number {
    return this.dit.config.patchSize[1];
  }

  /** The path of a choice. @throws InputError where it makes no sense */
  path(choice: UpscaleOptions): FlowPath {
    return samplingOf(this.index.sampler).path(choice);
  }

  dispose(): void {
    for (const model of [this.text, this.dit, this.tae]) model.dispose();
    this.#close();
  }
}

/** The size of a request, and the one that it is padded to: whole tokens. */
export function paddedSize(
  { autoencoder, patch }: UpsamplerModels,
  { width, height }: Pick<UpscaleRequest, 'width' | 'height'>,
): EnlargedSize {
  const multiple = autoencoder.factor * patch;
  const padded = (length: number) => Math.ceil(length / multiple) * multiple;
  return { width, height, paddedWidth: padded(width), paddedHeight: padded(height) };
}

/** The video's latents, enlarged, and the colours of its frames where they are asked for. */
export async function encodeEnlarged(
  { autoencoder }: UpsamplerModels,
  video: GivenVideo,
  size: EnlargedSize,
  { colorMatch }: Pick<UpscaleRequest, 'colorMatch'>,
  { onProgress, signal }: Told,
): Promise<{ readonly latents: Latents; readonly colours: ReturnType<typeof colourMoments>[] }> {
  const colours: ReturnType<typeof colourMoments>[] = [];
  const total = video.shape[0];
  let done = 0;
  async function* pieces(): AsyncGenerator<Tensor> {
    for await (const piece of piecesOf(video))
      for (let k = 0; k < piece.shape[0]; k++) {
        const pixels = enlarged(piece, k, size);
        if (colorMatch) colours.push(colourMoments(pixels, size));
        const tensor = Tensor.from(autoencoder.device, pixels, [
          1,
          3,
          1,
          size.paddedHeight,
          size.paddedWidth,
        ]);
        try {
          yield tensor;
        } finally {
          tensor.dispose();
        }
        await onProgress?.({ phase: 'upscale', part: 'encode', done: ++done, total });
      }
  }
  return { latents: await encodePieces(autoencoder, pieces(), { signal }), colours };
}

/** The prompt, encoded once for all windows. @param latentShape of a window */
export function encodePrompt(
  models: UpsamplerModels,
  request: UpscaleRequest,
  latentShape: Latents['shape'],
  signal: AbortSignal | undefined,
): Promise<Conditions> {
  const { guidanceScale, fps } = request;
  return conditionsOf(
    models,
    [request],
    {
      guidanceScale,
      videoGuidanceScale: 1,
      referenceGuidanceScale: undefined,
      guidance: undefined,
      batch: 1,
      latentShape,
      fps,
    },
    { shown: undefined, nothing: undefined, task: undefined, reference: undefined },
    signal,
  );
}

/** The upscaled video's latents. @param given those of the enlarged video @param conditions by `encodePrompt` */
export async function sampleWindows(
  { device, dit }: UpsamplerModels,
  given: Latents,
  windows: Windows,
  conditions: Conditions,
  { seed }: Pick<UpscaleRequest, 'seed'>,
  path: FlowPath,
  { onProgress, signal }: Told,
): Promise<Latents> {
  const shape = windows.windowShape;
  const [C, n, H, W] = shape;
  const raw = Tensor.empty(device, [1, ...shape], 'f32', 'given');
  let guided: GuidedVelocity | undefined;
  try {
    guided = velocityOf(dit, conditions, [1, ...shape], {
      request: { cache: 0, guidanceInterval: [0, 1], path },
      raw,
      signal,
    });
    await orAborted(guided.ready(), signal);
    const { velocity } = guided;
    const [part, seen] = [new Float32Array(C * n * H * W), new Float32Array(C * n * H * W)];
    const sums = new Float32Array(given.data.length);
    const total = path.evaluations && path.evaluations * windows.places.length;
    let done = 0;
    const averaged = async (x: Float32Array<ArrayBuffer>, t: number) => {
      sums.fill(0);
      for (const place of windows.places) {
        signal?.throwIfAborted();
        windows.cut(x, place, part);
        windows.cut(given.data, place, seen);
        const window = Tensor.from(device, part, [1, ...shape]);
        raw.write(seen);
        const u = await velocity(window, t);
        window.dispose();
        windows.add(await orAborted(u.read(), signal), place, sums);
        await onProgress?.({ phase: 'upscale', part: 'sample', done: ++done, total });
      }
      windows.average(sums);
      return sums;
    };
    await onProgress?.({ phase: 'upscale', part: 'sample', done: 0, total });
    const noise = await hostNoise(device, given.data.length, seed, signal);
    const data = await sampleOnHost(averaged, noise, { ...path.choice, signal });
    return { data, shape: given.shape };
  } finally {
    guided?.dispose();
    raw.dispose();
  }
}

/** The windows of a video's latents: along time, and of tiles in space unless whole frames are asked for. */
export function windowsOf(
  shape: Latents['shape'],
  { window, tile }: Pick<UpscaleRequest, 'window' | 'tile'>,
  patch: readonly [number, number, number],
): Windows {
  const [, , H, W] = shape;
  const [high, wide, shared] = tile === 'none' ? [H, W, 0] : [tile.size, tile.size, tile.overlap];
  return new Windows(
    shape,
    { sizes: [window.frames, high, wide], overlaps: [window.overlap, shared, shared] },
    patch,
  );
}

/** X_0 of the whole video, drawn on the device some at a time. */
async function hostNoise(
  device: Device,
  size: number,
  seed: bigint,
  signal: AbortSignal | undefined,
): Promise<Float32Array<ArrayBuffer>> {
  const noise = new Float32Array(size);
  const most = 2 ** 22;
  for (let start = 0; start < size; start += most) {
    const drawn = randn(device, [Math.min(most, size - start)], { seed, start });
    try {
      noise.set((await orAborted(drawn.read(), signal)) as Float32Array, start);
    } finally {
      drawn.dispose();
    }
  }
  return noise;
}

/** The frames of the upscaled latents, without what was padded. */
export async function* decodeUpscaled(
  { autoencoder }: UpsamplerModels,
  latents: Latents,
  size: EnlargedSize,
  colours: readonly ReturnType<typeof colourMoments>[],
  { onProgress, signal }: Told,
): AsyncGenerator<Frames, void> {
  const total = latents.shape[1];
  let done = 0;
  await onProgress?.({ phase: 'upscale', part: 'decode', done, total });
  for await (const piece of decodeFrames(autoencoder, latents, { numFrames: total, signal })) {
    const frames = cropped(piece, size);
    for (let k = 0; k < frames.shape[0]; k++)
      if (colours[done + k]) matchColours(frames, k, colours[done + k]!);
    done += frames.shape[0];
    await onProgress?.({ phase: 'upscale', part: 'decode', done, total });
    yield frames;
  }
}

function cropped({ data, shape: [T, H, W] }: Frames, { width, height }: EnlargedSize): Frames {
  if (H === height && W === width) return { data, shape: [T, H, W, 3] };
  const rest = new Uint8Array(T * height * width * 3);
  for (let t = 0; t < T; t++)
    for (let y = 0; y < height; y++) {
      const from = (t * H + y) * W * 3;
      rest.set(data.subarray(from, from + width * 3), (t * height + y) * width * 3);
    }
  return { data: rest, shape: [T, height, width, 3] };
}

/** Sets the mean and the spread of a frame's colours, in place. */
function matchColours(
  { data, shape: [, H, W] }: Frames,
  k: number,
  colours: ReturnType<typeof colourMoments>,
): void {
  const [from, count] = [k * H * W * 3, H * W];
  for (const [c, wanted] of colours.entries()) {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < count; i++) {
      const value = data[from + i * 3 + c]! / 127.5 - 1;
      sum += value;
      squares += value * value;
    }
    const mean = sum / count;
    const std = Math.sqrt(Math.max(0, squares / count - mean * mean));
    const gain = std > 0 ? wanted.std / std : 1;
    for (let i = 0; i < count; i++) {
      const value = data[from + i * 3 + c]! / 127.5 - 1;
      const matched = (value - mean) * gain + wanted.mean;
      data[from + i * 3 + c] = Math.round((Math.min(1, Math.max(-1, matched)) + 1) * 127.5);
    }
  }
}
