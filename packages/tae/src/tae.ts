// The temporal autoencoder (Movie Gen section 3.1.1): videos to latents of an eighth of their height, width and
// frames, and back. An image is a video of one frame. Not here: the adversarial loss, training.
//
// Legend: B batch, C latent channels, T' H' W' frames, height, width of the video, T H W of the latent.

import { show } from '@moviegen/kernels';
import {
  cast,
  type Device,
  type DType,
  Linear,
  loadWeights,
  permute,
  scope,
  slice,
  Tensor,
  type Trace,
  traced,
  WeightBook,
  type WeightOptions,
  type WeightSource,
} from '@moviegen/tensor';
import { Decoder, Encoder } from './coders.ts';
import { compression, type TAEConfig } from './config.ts';
import { decodeTiles, type LatentParts } from './decodeTiles.ts';
import { encodeTiles } from './encodeTiles.ts';
import { fitsOn, framesThatFit, type GridOptions, type TileGrid, tileGrid } from './grid.ts';
import { fitHalves } from './halves.ts';
import { fromModelSpace, Posterior, toModelSpace } from './posterior.ts';
import { currentSource } from './source.ts';
import type { TileOptions } from './tiling.ts';
import { isTemporal, weightShapes } from './weights.ts';

/** Type on the device (weights and activations; sums are in f32 always; default f32), progress and stop. */
export type LoadOptions = Pick<WeightOptions, 'dtype' | 'onProgress' | 'signal'>;

/** Options of encoding. */
export interface EncodeOptions {
  /** Is shown every module's output, as [B, C, T, H, W]. */
  readonly trace?: Trace;
}

/** Options of decoding. */
export interface DecodeOptions extends EncodeOptions {
  /** T', within 8T-7 .. 8T, the default: the decoder gives 8T frames, and the spurious last ones are dropped. */
  readonly numFrames?: number;
}

/**
 * The temporal autoencoder. Weights without any temporal name make it an inflated image autoencoder: a single frame
 * comes out exactly as the image autoencoder gives it.
 *
 * ```ts
 * const tae = await TAE.load(device, source, parseConfig(json));
 * const latent = tae.encode(video).mode();                     // [B, C, T, H, W]
 * const back = tae.decode(latent, { numFrames: 16 });          // [B, 3, 16, H', W']
 * ```
 */
export class TAE {
  readonly device: Device;
  readonly config: TAEConfig;
  readonly dtype: DType;
  /** Whether frames depend on one another: in an image autoencoder they do not, inflated or not. */
  readonly #seesTime: boolean;
  readonly #weights: WeightBook;
  /** The sizes for which the kernels are compiled, and in the tuner's mode `full` measured. */
  readonly #warm = new Set<string>();
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  readonly #quantConv: Linear | undefined; // [2C, 2C]
  readonly #postQuantConv: Linear | undefined; // [C, C]

  /**
   * @param weights every tensor of `TAE.weightShapes(config)`, on the device, all the temporal ones or none. They are the
   *   model's from here on: those that its kernels want laid out anew are released at once, the others by `dispose`.
   * @throws Error listing all weights that are missing, extra or misshapen.
   */
  constructor(device: Device, config: TAEConfig, weights: Readonly<Record<string, Tensor>>) {
    this.#seesTime = Object.keys(weights).some(isTemporal);
    const book = new WeightBook('tae', weights, shapesOf(config, this.#seesTime));
    this.device = device;
    this.config = config;
    this.#weights = book;
    this.dtype = book.get('encoder.conv_in.weight').dtype;
    this.#encoder = new Encoder(book, config);
    this.#decoder = new Decoder(book, config);
    this.#quantConv = config.useQuantConv ? new Linear(book, 'quant_conv') : undefined;
    this.#postQuantConv = config.usePostQuantConv ? new Linear(book, 'post_quant_conv') : undefined;
  }

  /** Shape of every weight by its name in the checkpoint. */
  static weightShapes(config: TAEConfig): Record<string, readonly number[]> {
    return weightShapes(config);
  }

  /**
   * Loads the weights of a TAE, or of an image autoencoder, which is inflated; older spellings load too.
   * @throws Error listing all weights that are missing, extra or misshapen.
   */
  static async load(
    device: Device,
    source: WeightSource,
    config: TAEConfig,
    options: LoadOptions = {},
  ): Promise<TAE> {
    const current = currentSource(source);
    const weights = await loadWeights(device, current.source, shapesOf(config, current.temporal), options);
    if (options.dtype === 'f16') await fitHalves(weights);
    return new TAE(device, config, weights);
  }

  /** Compression of height and width, and of frames unless the config says `temporal: false`: 8. */
  get factor(): number {
    return compression(this.config);
  }

  /**
   * @param video [B, 3, T', H', W'] in [-1, 1], H' and W' multiples of 8.
   * @returns the latent's distribution, [B, C, ceil(T'/8), H'/8, W'/8]; the caller owns its tensors.
   */
  encode(video: Tensor, { trace }: EncodeOptions = {}): Posterior {
    this.#checkVideo(video.shape);
    const pass = () => {
      const x = channelsLast(cast(video, this.dtype)); // [B, T', H', W', 3]
      const h = this.#encoder.forward(x); // [B, T, H, W, 2C]
      const moments = channelsFirst(this.#quantConv?.forward(h) ?? h); // [B, 2C, T, H, W]
      return Posterior.of(cast(moments, video.dtype), this.config);
    };
    return scope(this.device, () => traced(inChannelsFirst(trace), pass));
  }

  /**
   * @param latent [B, C, T, H, W] in the DiT's space, as `mode()` and `sample()` give it.
   * @returns frames [B, 3, T', 8H, 8W], about [-1, 1]; the caller owns them.
   */
  decode(latent: Tensor, { numFrames, trace }: DecodeOptions = {}): Tensor {
    const frames = this.#checkLatent(latent.shape, numFrames);
    const pass = () => {
      const z = channelsLast(cast(fromModelSpace(latent, this.config), this.dtype)); // [B, T, H, W, C]
      const h = this.#decoder.forward(this.#postQuantConv?.forward(z) ?? z); // [B, 8T, 8H, 8W, 3]
      return cast(firstFrames(channelsFirst(h), frames), latent.dtype); // [B, 3, T', 8H, 8W]
    };
    return scope(this.device, () => traced(inChannelsFirst(trace), pass));
  }

  /**
   * Encodes tile by tile, in memory that does not grow with the number of frames.
   * @param video [B, 3, T', H', W'], or pieces of it along T', of any lengths, which stay the caller's.
   * @returns the distribution of each tile's latent; together, along T, they are the whole latent's. The caller owns
   *   their tensors.
   */
  encodeTiled(
    video: Tensor | Iterable<Tensor> | AsyncIterable<Tensor>,
    { tile = 4, ...sizes }: TileOptions = {},
  ): AsyncGenerator<Posterior> {
    const { config, factor } = this;
    if (!(Number.isInteger(tile) && tile >= 1))
      throw new Error(`tae.encodeTiled: tile must be an integer of at least 1, got ${tile}`);
    return encodeTiles(
      {
        config,
        factor,
        frames: tile * this.#framesPerLatent,
        encode: (frames) => this.encode(frames),
        warmUp: (size, work) => this.#warmUp(['encode', ...size], work),
        grid: (shape) => {
          this.#checkVideo(shape);
          const [B, , , H, W] = shape as [number, number, number, number, number];
          return this.#grid('tae.encodeTiled', B * tile, [H / factor, W / factor], sizes);
        },
      },
      video,
    );
  }

  /**
   * Decodes tile by tile, in memory that does not grow with the number of frames. Tiles overlap and are blended.
   * @param latent the same as `decode` takes, or an object that gives parts of it: then it need not lie on the device as a
   *   whole.
   * @returns the frames in pieces [B, 3, n, H', W'] as they are done; the caller owns them.
   */
  decodeTiled(
    latent: Tensor | LatentParts,
    {
      numFrames,
      tile = 4,
      overlap,
      ...sizes
    }: TileOptions & { readonly numFrames?: number | undefined } = {},
  ): AsyncGenerator<Tensor> {
    const { shape } = latent;
    const frames = this.#checkLatent(shape, numFrames);
    const shared = overlap ?? (this.#seesTime ? Math.min(2, tile - 1) : 0);
    if (!(Number.isInteger(tile) && Number.isInteger(shared) && 0 <= shared && shared < tile))
      throw new Error(
        `tae.decodeTiled: tile ${tile} and overlap ${shared} must be integers, 0 <= overlap < tile`,
      );
    const { device, factor, config } = this;
    const perLatent = this.#framesPerLatent;
    const [B, , T, H, W] = shape as [number, number, number, number, number];
    const grid = this.#grid('tae.decodeTiled', B * Math.min(tile, T), [H, W], sizes);
    const video = [B, config.outChannels, frames, H * factor, W * factor];
    return decodeTiles(
      {
        device,
        factor,
        perLatent,
        tile,
        grid,
        overlap: shared,
        decode: (part) => this.decode(part),
        warmUp: (size, work) => this.#warmUp(['decode', ...size], work),
        mostFrames: framesThatFit(device, video),
      },
      latent instanceof Tensor ? partsOf(latent) : latent,
      frames,
    );
  }

  /** `(z - shift) * scale`: from the encoder's latent to what the DiT sees. */
  toModelSpace(z: Tensor): Tensor {
    return toModelSpace(z, this.config);
  }

  /** `z / scale + shift`: from what the DiT sees to the encoder's latent. */
  fromModelSpace(z: Tensor): Tensor {
    return fromModelSpace(z, this.config);
  }

  /** Releases the model's weights. */
  dispose(): void {
    this.#weights.dispose();
  }

  async #warmUp(use: readonly (string | number)[], work: () => unknown): Promise<void> {
    const key = use.join();
    if (this.#warm.has(key)) return;
    await this.device.warmUp(work);
    this.#warm.add(key);
  }

  get #framesPerLatent(): number {
    return this.config.temporal ? this.factor : 1;
  }

  #grid(op: string, frames: number, size: readonly [number, number], options: GridOptions): TileGrid {
    return tileGrid(op, size, options, fitsOn(this.device, this.config, this.dtype, frames));
  }

  #checkVideo(shape: readonly number[]): void {
    const { factor, config } = this;
    const [, channels, T, H, W] = shape;
    const came = show(shape);
    if (shape.length !== 5 || channels !== config.inChannels || T === 0)
      throw new Error(`tae.encode: video must be [B, ${config.inChannels}, T, H, W], got ${came}`);
    if (H! % factor !== 0 || W! % factor !== 0)
      throw new Error(
        `tae.encode: height and width must be multiples of ${factor}, got ${came}; pad or crop the video`,
      );
  }

  #checkLatent(shape: readonly number[], numFrames: number | undefined): number {
    const C = this.config.latentChannels;
    const came = show(shape);
    if (shape.length !== 5 || shape[1] !== C)
      throw new Error(`tae.decode: latent must be [B, ${C}, T, H, W], got ${came}`);
    const factor = this.#framesPerLatent;
    const whole = shape[2]! * factor;
    const frames = numFrames ?? whole;
    if (!Number.isInteger(frames) || frames <= whole - factor || frames > whole)
      throw new Error(
        `tae.decode: a latent ${came} holds ${whole - factor + 1} to ${whole} frames, got numFrames ${frames}`,
      );
    return frames;
  }
}

/** [B, T, H, W, C] to [B, C, T, H, W]. */
const channelsFirst = (x: Tensor): Tensor => permute(x, [0, 4, 1, 2, 3]);

/** [B, C, T, H, W] to [B, T, H, W, C]: the layout of everything in encoder and decoder. */
const channelsLast = (x: Tensor): Tensor => permute(x, [0, 2, 3, 4, 1]);

/** The modules' outputs in PyTorch's layout. */
const inChannelsFirst = (trace: Trace | undefined): Trace | undefined =>
  trace && ((name, value) => trace(name, channelsFirst(value)));

/** Shapes of the weights that a file has: an image autoencoder's lacks the temporal ones. */
function shapesOf(config: TAEConfig, temporal: boolean): Record<string, readonly number[]> {
  return weightShapes({ ...config, temporal: config.temporal && temporal });
}

function firstFrames(video: Tensor, count: number): Tensor {
  const [B, channels, T] = video.shape as [number, number, number];
  return count === T ? video : slice(video, { start: [0, 0, 0], end: [B, channels, count] });
}

const partsOf = (latent: Tensor): LatentParts => ({
  shape: latent.shape,
  part(start, end) {
    const [B, C] = latent.shape as [number, number];
    return slice(latent, { start: [0, 0, start], end: [B, C, end] });
  },
});
