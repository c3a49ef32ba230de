// Wan's causal autoencoder: videos of 1 + 4k frames to latents of 1 + k frames and an eighth or sixteenth of their height and
// width, and back. An image is a video of one frame. Not here: the layers (layers.ts), how pieces and tiles follow one another (pieces.ts).
//
// Legend: B batch, C latent channels, T' H' W' frames, height, width of the video, T H W of the latents.

import { show } from '@moviegen/kernels';
import {
  advance,
  cast,
  clamp,
  type Device,
  type DType,
  Linear,
  loadWeights,
  permute,
  scope,
  Tensor,
  type Trace,
  traced,
  WeightBook,
  type WeightOptions,
  type WeightSource,
} from '@moviegen/tensor';
import { Coder } from './coders.ts';
import { spatialFactor, TEMPORAL_FACTOR, type WanAutoencoderConfig } from './config.ts';
import { LatentDistribution, LatentScale } from './latents.ts';
import { Past } from './past.ts';
import { fromPatches, toPatches } from './pictures.ts';
import { codedPieces, regrouped, type TileCoder, wrongCount } from './pieces.ts';
import { decoderPlan, encoderPlan } from './plan.ts';
import { each, type LatentParts, latentFrames } from './streams.ts';
import { fitsOn, type TileOptions, tileGrid } from './tiles.ts';
import { type AutoencoderPart, weightShapes } from './weights.ts';

/** Type on the device (weights and activations; sums are in f32 always; default f32), the halves to load, progress and stop. */
export interface AutoencoderLoadOptions extends Pick<WeightOptions, 'dtype' | 'onProgress' | 'signal'> {
  /** Default `both`: videos need the decoder alone, images to start from the encoder too. */
  readonly parts?: AutoencoderPart | 'both' | undefined;
}

/** Options of coding piece by piece. */
export interface CodeTiledOptions extends TileOptions {
  /** Stops before the next tile. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of coding as a whole. */
export interface CodeOptions {
  /** Called with every module's output, as [B, C, T, H, W], under diffusers' names. */
  readonly trace?: Trace | undefined;
}

/** Encoder or decoder, and the 1x1x1 convolution between it and the latents. */
interface Half {
  readonly coder: Coder;
  readonly conv: Linear;
}

/**
 * The autoencoder of Wan 2.1 or 2.2. All its latents are in the transformer's scale, except the `mean` of a distribution.
 *
 * ```ts
 * const autoencoder = await WanAutoencoder.load(device, source, parseAutoencoderConfig(json), { parts: 'decoder' });
 * for await (const frames of autoencoder.decodeTiled(latents)) show(frames);     // [B, 3, 1 or 4, H', W']
 * ```
 */
export class WanAutoencoder {
  readonly device: Device;
  readonly config: WanAutoencoderConfig;
  readonly dtype: DType;
  readonly #weights: WeightBook;
  readonly #scale: LatentScale;
  readonly #encoder: Half | undefined;
  readonly #decoder: Half | undefined;
  /** The work for which the kernels are compiled. */
  readonly #warm = new Set<string>();

  /**
   * @param weights every tensor of `WanAutoencoder.weightShapes(config, part)`, on the device. The model owns them from here on: it
   *   releases at once those that it lays out anew for its kernels, and the others in `dispose`.
   * @throws WeightsError listing all weights that are missing, extra or misshapen.
   */
  constructor(
    device: Device,
    config: WanAutoencoderConfig,
    weights: Readonly<Record<string, Tensor>>,
    part?: AutoencoderPart,
  ) {
    const book = new WeightBook('wan autoencoder', weights, weightShapes(config, part));
    this.device = device;
    this.config = config;
    this.#weights = book;
    this.dtype = book.get(part === 'encoder' ? 'quant_conv.bias' : 'post_quant_conv.bias').dtype;
    if (part !== 'decoder')
      this.#encoder = { coder: new Coder(book, encoderPlan(config)), conv: new Linear(book, 'quant_conv') };
    if (part !== 'encoder')
      this.#decoder = {
        coder: new Coder(book, decoderPlan(config)),
        conv: new Linear(book, 'post_quant_conv'),
      };
    this.#scale = new LatentScale(device, config);
  }

  /** Shape of every weight by its name in the checkpoint, of both halves or of one. */
  static weightShapes(
    config: WanAutoencoderConfig,
    part?: AutoencoderPart,
  ): Record<string, readonly number[]> {
    return weightShapes(config, part);
  }

  /**
   * Loads the weights, by diffusers' names, of both halves or of one.
   * @throws WeightsError listing all weights that are missing, extra or misshapen; the signal's reason on abort.
   */
  static async load(
    device: Device,
    source: WeightSource,
    config: WanAutoencoderConfig,
    { parts = 'both', ...options }: AutoencoderLoadOptions = {},
  ): Promise<WanAutoencoder> {
    const part = parts === 'both' ? undefined : parts;
    const all = weightShapes(config);
    const wanted = weightShapes(config, part);
    const ignore = (name: string) => Object.hasOwn(all, name);
    const weights = await loadWeights(device, source, wanted, { ...options, ignore });
    return new WanAutoencoder(device, config, weights, part);
  }

  /** Pixels along height and width per position of the latents: 8 in 2.1, 16 in 2.2. */
  get factor(): number {
    return spatialFactor(this.config);
  }

  /** Frames per latent frame, after the first. */
  get temporalFactor(): number {
    return TEMPORAL_FACTOR;
  }

  get latentChannels(): number {
    return this.config.zDim;
  }

  /** The number of frames that T latent frames stand for: 1 + 4 (T - 1), no other. */
  frames(latentFrames: number): { readonly least: number; readonly most: number } {
    const most = 1 + TEMPORAL_FACTOR * (latentFrames - 1);
    return { least: most, most };
  }

  /**
   * Encodes as a whole, in memory that grows with the number of frames.
   * @param video [B, 3, T', H', W'] in [-1, 1]; T' is 1 + 4k, H' and W' are multiples of `factor`.
   * @returns the distribution of the latents, [B, C, T, H, W]; the caller owns its tensors.
   */
  encode(video: Tensor, { trace }: CodeOptions = {}): LatentDistribution {
    this.#checkVideo('wan.encode', video.shape);
    const frames = video.shape[2]!;
    if (frames % TEMPORAL_FACTOR !== 1) throw new Error(`wan.encode: ${wrongCount(frames)}`);
    const code = this.#encoding('wan.encode');
    return scope(this.device, () =>
      this.#distribution(inOnePass(trace, (past) => code(this.#toCoder(video), past))),
    );
  }

  /**
   * Decodes as a whole, in memory that grows with the number of frames.
   * @param latents [B, C, T, H, W] in the transformer's scale, as `mode()` and `sample()` give them.
   * @returns frames [B, 3, 1 + 4 (T - 1), H', W'] in [-1, 1]; the caller owns them.
   */
  decode(latents: Tensor, { trace }: CodeOptions = {}): Tensor {
    this.#checkLatents('wan.decode', latents.shape, undefined);
    const code = this.#decoding('wan.decode');
    return scope(this.device, () =>
      this.#toVideo(inOnePass(trace, (past) => code(this.#fromScale(latents), past))),
    );
  }

  /**
   * Encodes piece by piece, in device memory that does not grow with the number of frames. Where a frame has several tiles, the
   * video waits on the host until the last tile is through.
   * @param video [B, 3, T', H', W'] in [-1, 1], or pieces of it along T', of any lengths, which stay the caller's. T' is 1 + 4k; H' and
   *   W' are multiples of `factor`.
   * @returns the distribution of each latent frame, [B, C, 1, H, W]. The caller owns their tensors.
   * @throws Error where the video does not fit; the signal's reason on abort.
   */
  async *encodeTiled(
    video: Tensor | Iterable<Tensor> | AsyncIterable<Tensor>,
    options: CodeTiledOptions = {},
  ): AsyncGenerator<LatentDistribution> {
    const op = 'wan.encodeTiled';
    const frames = regrouped(video instanceof Tensor ? [video] : video, (shape) =>
      this.#checkVideo(op, shape),
    );
    const coder = this.#coder(op, 'encoder', this.#encoding(op), options);
    const pictures = each(frames, (x) => this.#toCoder(x));
    yield* each(codedPieces(coder, pictures), (moments) => this.#distribution(moments));
  }

  /**
   * Decodes piece by piece, in device memory that does not grow with the number of frames. A frame that is one tile comes as soon
   * as it is done; of several tiles each is decoded through all of time, and the first frame comes with the last tile.
   * @param latents the same as `decode` takes, or an object that gives parts of it.
   * @returns the frames in pieces [B, 3, 1, H', W'] and then [B, 3, 4, H', W'], in [-1, 1], as they are done; the caller owns them.
   * @throws Error where the latents do not fit; the signal's reason on abort.
   */
  async *decodeTiled(
    latents: Tensor | LatentParts,
    { numFrames, ...options }: CodeTiledOptions & { readonly numFrames?: number | undefined } = {},
  ): AsyncGenerator<Tensor> {
    const op = 'wan.decodeTiled';
    this.#checkLatents(op, latents.shape, numFrames);
    const coder = this.#coder(op, 'decoder', this.#decoding(op), options);
    const frames = each(latentFrames(latents), (z) => this.#fromScale(z));
    yield* each(codedPieces(coder, frames), (pictures) => this.#toVideo(pictures));
  }

  /** `(z - mean) / std` of each channel: from the encoder's latents [B, C, T, H, W] to those that the transformer sees. */
  normalize(latents: Tensor): Tensor {
    return this.#scale.normalize(latents);
  }

  /** `z * std + mean` of each channel: from what the transformer sees to the latents that the decoder takes. */
  denormalize(latents: Tensor): Tensor {
    return this.#scale.denormalize(latents);
  }

  /** Releases the model's weights. */
  dispose(): void {
    this.#weights.dispose();
    this.#scale.dispose();
  }

  /** The encoder, and the convolution after it, on pictures in its own layout. */
  #encoding(op: string): TileCoder['code'] {
    const { coder, conv } = this.#half(op, this.#encoder, 'encoder');
    return (x, past) => {
      const h = coder.forward(x, past);
      return advance(h, () => conv.forward(h));
    };
  }

  /** The decoder, and the convolution before it, on latents in its own layout. */
  #decoding(op: string): TileCoder['code'] {
    const { coder, conv } = this.#half(op, this.#decoder, 'decoder');
    return (z, past) => coder.forward(conv.forward(z), past);
  }

  #half(op: string, half: Half | undefined, part: AutoencoderPart): Half {
    if (half) return half;
    throw new Error(`${op}: the ${part} was not loaded: load with parts '${part}' or 'both'`);
  }

  #coder(
    op: string,
    part: AutoencoderPart,
    code: TileCoder['code'],
    { signal, ...tiles }: CodeTiledOptions,
  ): TileCoder {
    const { device, config, dtype } = this;
    const finer = this.factor / config.patchSize;
    const [input, output] = part === 'encoder' ? [finer, 1] : [1, finer];
    return {
      device,
      code,
      input,
      output,
      signal,
      grid: ([B, , H, W]) =>
        tileGrid(
          op,
          [H! / input, W! / input],
          tiles,
          fitsOn(device, config, part, dtype, B!),
          part === 'encoder' ? config.patchSize : 1,
        ),
      warmUp: async (key, work) => {
        const name = [part, ...key].join();
        if (this.#warm.has(name)) return;
        await device.warmUp(work);
        this.#warm.add(name);
      },
    };
  }

  /** Pictures [B, 3, T', H', W'] as the encoder takes them. */
  #toCoder(video: Tensor): Tensor {
    return toPatches(cast(video, this.dtype), this.config.patchSize);
  }

  /** What the encoder gives, [B, T, H, W, 2C]. */
  #distribution(moments: Tensor): LatentDistribution {
    return LatentDistribution.of(cast(channelsFirst(moments), 'f32'), this.#scale);
  }

  /** Latents of the transformer's scale as the decoder takes them: [B, T, H, W, C]. */
  #fromScale(latents: Tensor): Tensor {
    return permute(cast(this.#scale.denormalize(latents), this.dtype), [0, 2, 3, 4, 1]);
  }

  /** What the decoder gives as pictures [B, 3, T', H', W']. */
  #toVideo(pictures: Tensor): Tensor {
    return clamp(cast(fromPatches(pictures, this.config.patchSize), 'f32'), -1, 1);
  }

  #checkVideo(op: string, shape: readonly number[]): void {
    const { factor } = this;
    const [, channels, T, H, W] = shape;
    if (shape.length !== 5 || channels !== 3 || T === 0)
      throw new Error(`${op}: video must be [B, 3, T, H, W], got ${show(shape)}`);
    if (H! % factor !== 0 || W! % factor !== 0)
      throw new Error(
        `${op}: height and width must be multiples of ${factor}, got ${show(shape)}; pad or crop the video`,
      );
  }

  #checkLatents(op: string, shape: readonly number[], numFrames: number | undefined): void {
    const C = this.latentChannels;
    if (shape.length !== 5 || shape[1] !== C || shape[2] === 0)
      throw new Error(`${op}: latents must be [B, ${C}, T, H, W], got ${show(shape)}`);
    const { most } = this.frames(shape[2]!);
    if (numFrames !== undefined && numFrames !== most)
      throw new Error(`${op}: latents ${show(shape)} hold ${most} frames, got numFrames ${numFrames}`);
  }
}

/** Codes all of a video as its one piece. */
function inOnePass(trace: Trace | undefined, code: (past: Past) => Tensor): Tensor {
  const past = new Past();
  try {
    return traced(trace && ((name, value) => trace(name, channelsFirst(value))), () => code(past));
  } finally {
    past.dispose();
  }
}

/** [B, T, H, W, C] to [B, C, T, H, W]. */
const channelsFirst = (x: Tensor): Tensor => permute(x, [0, 4, 1, 2, 3]);
