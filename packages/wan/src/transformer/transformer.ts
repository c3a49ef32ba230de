// Wan's diffusion transformer: the prediction noise - data at the latents, given text, an image in some models, and the time.
// Not here: its modules (ends.ts, conditions.ts, context.ts, block.ts), blocks that do not fit on the device
// (streamedTransformer.ts), encoders, sampling.
//
// Legend: B batch, C latent channels, T H W latent frames, height, width, D model width, N video tokens.

import {
  type Device,
  type DType,
  keep,
  loadWeights,
  scope,
  scopeAsync,
  type Tensor,
  type Trace,
  throughBlocks,
  traced,
  WeightBook,
  type WeightSource,
} from '@moviegen/tensor';
import { WanBlock } from './block.ts';
import type { WanConditions } from './conditions.ts';
import type { WanTransformerConfig } from './config.ts';
import { contextOf, type WanContext } from './context.ts';
import { WanEnds, type WanForwardAsyncOptions, type WanForwardOptions } from './ends.ts';
import { type TransformerLoadOptions, weightOptions, weightShapes } from './weights.ts';

/**
 * The model.
 *
 * ```ts
 * const model = await WanTransformer.load(device, source, parseTransformerConfig(json));
 * const context = model.context({ states, lengths });
 * const prediction = model.forward(latents, t, context);      // [B, C, T, H, W]
 * ```
 */
export class WanTransformer {
  readonly device: Device;
  readonly config: WanTransformerConfig;
  /** Type of weights and activations. */
  readonly dtype: DType;
  readonly #weights: WeightBook;
  readonly #ends: WanEnds;
  readonly #blocks: readonly WanBlock[];

  /**
   * @param weights every tensor of `WanTransformer.weightShapes(config)`, on the device. The model owns them from here on: it
   *   releases at once those that it lays out anew for its kernels, and the others in `dispose`.
   * @throws Error listing all weights that are missing, extra or misshapen.
   */
  constructor(device: Device, config: WanTransformerConfig, weights: Readonly<Record<string, Tensor>>) {
    const book = new WeightBook('wan', weights, weightShapes(config));
    this.device = device;
    this.config = config;
    this.#weights = book;
    this.#ends = new WanEnds(device, book, config);
    this.dtype = this.#ends.dtype;
    this.#blocks = Array.from(
      { length: config.numLayers },
      (_, i) => new WanBlock(book, `blocks.${i}`, config),
    );
  }

  /** Shape of every weight by its name in diffusers. */
  static weightShapes(config: WanTransformerConfig): Record<string, readonly number[]> {
    return weightShapes(config);
  }

  /**
   * Loads the weights of a model.
   * @param source holds them under diffusers' names.
   * @throws WeightsError listing all weights that are missing, extra or misshapen.
   */
  static async load(
    device: Device,
    source: WeightSource,
    config: WanTransformerConfig,
    options: TransformerLoadOptions = {},
  ): Promise<WanTransformer> {
    const weights = await loadWeights(device, source, weightShapes(config), weightOptions(config, options));
    return new WanTransformer(device, config, weights);
  }

  /** What cross-attention needs of a video's text and image: call it once, use it at every step. The caller disposes it. */
  context(conditions: WanConditions, { trace }: { readonly trace?: Trace | undefined } = {}): WanContext {
    const make = () => {
      const embedded = this.#ends.conditions.forward(conditions);
      const { text, image } = embedded;
      return contextOf(
        embedded,
        this.#blocks.map((block) => block.keysValues(text, image)),
      );
    };
    return keep(scope(this.device, () => traced(trace, make)));
  }

  /**
   * The prediction at the latents.
   * @param latents [B, C, T, H, W] with the model's `inChannels`, H and W even; read, never changed. One sample is shared by
   *   all prompts of the context (guidance: the negative prompt and the prompt).
   * @param t the time, [B], or [1] for all, from 0 (data) to 1000 (noise).
   * @param context the text and the image of the video.
   * @returns [B, `outChannels`, T, H, W] in the latents' type; the caller owns it.
   */
  forward(latents: Tensor, t: Tensor, context: WanContext, options: WanForwardOptions = {}): Tensor {
    const pass = () => {
      const { x: first, step, end } = this.#ends.begin(latents, t, context, options);
      let x = first;
      for (const [i, block] of this.#blocks.entries()) x = step(x, block, i);
      return end(x);
    };
    return scope(this.device, () => traced(options.trace, pass));
  }

  /**
   * The same as {@link forward}, to the bit where no cache skips a block; for a caller that may stop it, or skips steps. It
   * cannot be recorded. Only one call may run on a device at a time.
   * @throws the signal's reason.
   */
  async forwardAsync(
    latents: Tensor,
    t: Tensor,
    context: WanContext,
    options: WanForwardAsyncOptions = {},
  ): Promise<Tensor> {
    const { signal, trace, cache } = options;
    signal?.throwIfAborted();
    return scopeAsync(this.device, async () => {
      const { x, step, end } = traced(trace, () => this.#ends.begin(latents, t, context, options));
      const checked = (h: Tensor, block: WanBlock, i: number) => {
        signal?.throwIfAborted();
        return traced(trace, () => step(h, block, i));
      };
      const last = await throughBlocks(x, this.#blocks, checked, cache);
      return traced(trace, () => end(last));
    });
  }

  /**
   * Computes the positions of a grid of tokens beforehand and keeps them for `forward`. It pays before many steps. Call it
   * outside of a recording.
   * @param shape of the latents, [B, C, T, H, W].
   */
  preparePositions(shape: readonly number[]): void {
    this.#ends.positions.prepare(this.#ends.grid(shape));
  }

  /** Releases the model's weights. */
  dispose(): void {
    this.#weights.dispose();
    this.#ends.dispose();
  }
}
