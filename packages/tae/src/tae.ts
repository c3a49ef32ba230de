// The temporal autoencoder (Movie Gen section 3.1.1): videos to latents of an eighth of their height, width and
// frames, and back. An image is a video of one frame. Not here: the adversarial loss, training.
//
// Legend: B batch, C latent channels, T' H' W' frames, height, width of the video, T H W those of the latent.

import {
  cast,
  type Device,
  type DType,
  linear,
  loadWeights,
  type Packed,
  scope,
  slice,
  Tensor,
  WeightBook,
  type WeightOptions,
  type WeightSource,
} from '@moviegen/tensor';
import { Decoder, Encoder } from './coders.ts';
import { compression, parseConfig, type TAEConfig } from './config.ts';
import { decodeTiles, type LatentParts } from './decodeTiles.ts';
import { encodeTiles } from './encodeTiles.ts';
import { fitsOn, framesThatFit, type Grid, type GridOptions, gridOf } from './grid.ts';
import { fitHalves } from './halves.ts';
import { fromModelSpace, Posterior, toModelSpace } from './posterior.ts';
import { currentSource } from './source.ts';
import type { TileOptions } from './tiling.ts';
import { channelsFirst, channelsLast, noteTo, type Trace } from './trace.ts';
import { isTemporal, weightShapes } from './weights.ts';

/** Type on the device (weights and activations; sums are in f32 always; default f32), progress and stop. */
export type LoadOptions = Pick<WeightOptions, 'dtype' | 'onProgress' | 'signal'>;

/** A TAE's files: the parsed `config.json` and the weights. */
export interface Checkpoint {
  readonly config: unknown;
  readonly weights: WeightSource;
}

/** Options of encoding. */
export interface EncodeOptions {
  readonly trace?: Trace;
}

/** Options of decoding. */
export interface DecodeOptions extends EncodeOptions {
  /** T', within 8T-7 .. 8T, the default: the decoder gives 8T frames, and the spurious last ones are dropped. */
  readonly numFrames?: number;
}

/**
 * The temporal autoencoder. Weights without any temporal name make it an inflated image autoencoder: a frame
 * alone comes out exactly as of the image autoencoder.
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
  /** Whether frames see one another: an image autoencoder's do not, inflated or not. */
  private readonly seesTime: boolean;
  private readonly weights: WeightBook;
  /** Uses whose kernels are compiled, and in the tuner's mode `full` measured. */
  private readonly warm = new Set<string>();
  private readonly encoder: Encoder;
  private readonly decoder: Decoder;
  private readonly quantConv: Packed | undefined; // [2C, 2C]
  private readonly postQuantConv: Packed | undefined; // [C, C]

  /**
   * @param weights every tensor of `TAE.weightShapes(config)`, on the device, all the temporal ones or none. They are the
   *   model's from here on: those that its kernels want laid out anew are released at once, the others by `dispose`.
   * @throws Error listing all weights that are missing, extra or misshapen.
   */
  constructor(device: Device, config: TAEConfig, weights: Readonly<Record<string, Tensor>>) {
    this.seesTime = Object.keys(weights).some(isTemporal);
    const book = new WeightBook('tae', weights, shapesOf(config, this.seesTime));
    this.device = device;
    this.config = config;
    this.weights = book;
    this.dtype = book.get('encoder.conv_in.weight').dtype;
    this.encoder = new Encoder(book, config);
    this.decoder = new Decoder(book, config);
    this.quantConv = config.useQuantConv ? book.packed('quant_conv.weight') : undefined;
    this.postQuantConv = config.usePostQuantConv ? book.packed('post_quant_conv.weight') : undefined;
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

  /** Reads the configuration and loads the weights. */
  static async fromPretrained(
    device: Device,
    { config, weights }: Checkpoint,
    options: LoadOptions = {},
  ): Promise<TAE> {
    return TAE.load(device, weights, parseConfig(config), options);
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
    this.checkVideo(video.shape);
    return scope(this.device, () => {
      const note = noteTo(trace);
      let moments = this.encoder.forward(channelsLast(cast(video, this.dtype)), note); // [B, T, H, W, 2C]
      if (this.quantConv) {
        moments = linear(moments, this.quantConv, { bias: this.weights.get('quant_conv.bias') });
        note('quant_conv', () => moments);
      }
      return Posterior.of(channelsFirst(cast(moments, video.dtype)), this.config);
    });
  }

  /**
   * @param latent [B, C, T, H, W] in the DiT's space, as `mode()` and `sample()` give it.
   * @returns frames [B, 3, T', 8H, 8W], about [-1, 1]; the caller owns them.
   */
  decode(latent: Tensor, { numFrames, trace }: DecodeOptions = {}): Tensor {
    const frames = this.checkLatent(latent.shape, numFrames);
    return scope(this.device, () => {
      const note = noteTo(trace);
      let z = channelsLast(cast(fromModelSpace(latent, this.config), this.dtype)); // [B, T, H, W, C]
      if (this.postQuantConv) {
        z = linear(z, this.postQuantConv, { bias: this.weights.get('post_quant_conv.bias') });
        note('post_quant_conv', () => z);
      }
      const video = channelsFirst(this.decoder.forward(z, note)); // [B, 3, 8T, 8H, 8W]
      return cast(firstFrames(video, frames), latent.dtype);
    });
  }

  /**
   * Encodes tile by tile, in memory that does not grow with the number of frames.
   * @param video [B, 3, T', H', W'], or pieces of it along T', of any lengths, which stay the caller's.
   * @returns the distribution of each tile's latent; together, along T, that of the whole. The caller owns their tensors.
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
        ...{ config, factor },
        frames: tile * this.framesPerLatent,
        encode: (frames) => this.encode(frames),
        warmUp: (size, work) => this.warmUp(['encode', ...size], work),
        grid: (shape) => {
          this.checkVideo(shape);
          const [B, , , H, W] = shape as [number, number, number, number, number];
          return this.grid('tae.encodeTiled', B * tile, [H / factor, W / factor], sizes);
        },
      },
      video,
    );
  }

  /**
   * Decodes tile by tile, in memory that does not grow with the number of frames. Tiles overlap and are blended.
   * @param latent as of `decode`, or what gives parts of it, so that it need not lie on the device as a whole.
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
    const frames = this.checkLatent(shape, numFrames);
    const shared = overlap ?? (this.seesTime ? Math.min(2, tile - 1) : 0);
    if (!(Number.isInteger(tile) && Number.isInteger(shared) && 0 <= shared && shared < tile))
      throw new Error(
        `tae.decodeTiled: tile ${tile} and overlap ${shared} must be integers, 0 <= overlap < tile`,
      );
    const { factor, framesPerLatent: perLatent, config } = this;
    const [B, , T, H, W] = shape as [number, number, number, number, number];
    const grid = this.grid('tae.decodeTiled', B * Math.min(tile, T), [H, W], sizes);
    const video = [B, config.outChannels, frames, H * factor, W * factor];
    return decodeTiles(
      {
        ...{ device: this.device, factor, perLatent, tile, grid, overlap: shared },
        decode: (part) => this.decode(part),
        warmUp: (size, work) => this.warmUp(['decode', ...size], work),
        mostFrames: framesThatFit(this.device, video),
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
    this.weights.dispose();
  }

  private async warmUp(use: readonly (string | number)[], work: () => unknown): Promise<void> {
    const key = use.join();
    if (this.warm.has(key)) return;
    await this.device.warmUp(work);
    this.warm.add(key);
  }

  private get framesPerLatent(): number {
    return this.config.temporal ? this.factor : 1;
  }

  private grid(op: string, frames: number, size: readonly [number, number], options: GridOptions): Grid {
    return gridOf(op, size, options, fitsOn(this.device, this.config, this.dtype, frames));
  }

  private checkVideo(shape: readonly number[]): void {
    const { factor, config } = this;
    const [, channels, T, H, W] = shape;
    const came = `[${shape.join(', ')}]`;
    if (shape.length !== 5 || channels !== config.inChannels || T === 0)
      throw new Error(`tae.encode: video must be [B, ${config.inChannels}, T, H, W], got ${came}`);
    if (H! % factor !== 0 || W! % factor !== 0)
      throw new Error(
        `tae.encode: height and width must be multiples of ${factor}, got ${came}; pad or crop the video`,
      );
  }

  private checkLatent(shape: readonly number[], numFrames: number | undefined): number {
    const C = this.config.latentChannels;
    const came = `[${shape.join(', ')}]`;
    if (shape.length !== 5 || shape[1] !== C)
      throw new Error(`tae.decode: latent must be [B, ${C}, T, H, W], got ${came}`);
    const factor = this.framesPerLatent;
    const whole = shape[2]! * factor;
    const frames = numFrames ?? whole;
    if (!Number.isInteger(frames) || frames <= whole - factor || frames > whole)
      throw new Error(
        `tae.decode: a latent ${came} holds ${whole - factor + 1} to ${whole} frames, got numFrames ${frames}`,
      );
    return frames;
  }
}

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
