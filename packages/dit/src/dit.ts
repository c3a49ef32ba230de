// The backbone (Movie Gen section 3.1.3): the velocity of the flow at X_t, given text and t. A LLaMa3 transformer
// over latent patches. Not here: its modules (positions.ts, modulation.ts, block.ts, context.ts, finalLayer.ts), blocks
// that do not fit on the device (streamedDit.ts), the text encoders, sampling.
//
// Legend: B batch, C latent channels, T H W latent frames, height, width, D model width, N video tokens,
// L text tokens.

import {
  add,
  advance,
  cast,
  type Device,
  type DType,
  keep,
  loadWeights,
  type PatchEmbed,
  scope,
  scopeAsync,
  type Tensor,
  type TimeModulation,
  throughBlocks,
  traced,
  WeightBook,
  type WeightSource,
} from '@moviegen/tensor';
import { DiTBlock } from './block.ts';
import type { DiTConfig } from './config.ts';
import { type Context, checkText, contextOf, type EmbeddedText, TextEmbedder } from './context.ts';
import { FinalLayer } from './finalLayer.ts';
import {
  batchIn,
  type ContextOptions,
  checkGiven,
  type ForwardAsyncOptions,
  type ForwardOptions,
  gridOf,
  patchEmbed,
  tokensAtOnce,
} from './inputs.ts';
import { timeModulation } from './modulation.ts';
import { PositionEmbedding } from './positions.ts';
import type { TextStates } from './textStates.ts';
import { type LoadOptions, weightOptions, weightShapes } from './weights.ts';

/**
 * The velocity model.
 *
 * ```ts
 * const dit = await DiT.load(device, source, parseConfig(json));
 * const context = dit.context({ ul2: { states, lengths } });
 * const velocity = dit.forward(latents, t, context);      // [B, C, T, H, W]
 * ```
 */
export class DiT {
  readonly device: Device;
  readonly config: DiTConfig;
  /** Type of weights and activations. */
  readonly dtype: DType;
  readonly #weights: WeightBook;
  readonly #textEmbedder: TextEmbedder;
  readonly #timeModulation: TimeModulation;
  readonly #posEmbed: PositionEmbedding;
  readonly #patchEmbed: PatchEmbed;
  readonly #blocks: readonly DiTBlock[];
  readonly #finalLayer: FinalLayer;

  /**
   * @param weights every tensor of `DiT.weightShapes(config)`, on the device. The model owns them from here on: it releases
   *   at once those that it lays out anew for its kernels, and the others in `dispose`.
   * @throws Error listing all weights that are missing, extra or misshapen.
   */
  constructor(device: Device, config: DiTConfig, weights: Readonly<Record<string, Tensor>>) {
    const book = new WeightBook('dit', weights, weightShapes(config));
    this.device = device;
    this.config = config;
    this.dtype = book.get('patch_embed.weight').dtype;
    this.#weights = book;
    this.#textEmbedder = new TextEmbedder(book, config, this.dtype);
    this.#timeModulation = timeModulation(book, config);
    this.#posEmbed = new PositionEmbedding(book);
    this.#patchEmbed = patchEmbed(book, config, this.dtype);
    this.#blocks = Array.from(
      { length: config.numLayers },
      (_, i) => new DiTBlock(book, `layers.${i}`, config),
    );
    this.#finalLayer = new FinalLayer(book, config);
  }

  /** Shape of every weight by its name in the checkpoint. */
  static weightShapes(config: DiTConfig): Record<string, readonly number[]> {
    return weightShapes(config);
  }

  /**
   * Loads the weights of a model.
   * @throws WeightsError listing all weights that are missing, extra or misshapen.
   */
  static async load(
    device: Device,
    source: WeightSource,
    config: DiTConfig,
    options: LoadOptions = {},
  ): Promise<DiT> {
    const weights = await loadWeights(device, source, weightShapes(config), weightOptions(config, options));
    return new DiT(device, config, weights);
  }

  /**
   * The velocity at the latents.
   * @param latents X_t, [B, C, T, H, W], H and W multiples of the patch; read, never changed. One sample is shared by
   *   all prompts of the context (guidance: the null prompt and the prompt).
   * @param t the flow's time, [B], or [1] for all; 0 is noise.
   * @param context the text of the generation.
   * @returns [B, C, T, H, W] in the latents' type; the caller owns it.
   */
  forward(latents: Tensor, t: Tensor, context: Context, options: ForwardOptions = {}): Tensor {
    return scope(this.device, () =>
      traced(options.trace, () => {
        const { x: first, step, end } = this.#begin(latents, t, context, options);
        let x = first; //                                        [B, N, D]
        for (const [i, block] of this.#blocks.entries()) x = step(x, block, i);
        return end(x);
      }),
    );
  }

  /**
   * The same as {@link forward}, to the bit where no cache skips a block; for a caller that may stop it, or skips steps. It
   * cannot be recorded. Only one call may run on a device at a time.
   * @throws the signal's reason.
   */
  async forwardAsync(
    latents: Tensor,
    t: Tensor,
    context: Context,
    options: ForwardAsyncOptions = {},
  ): Promise<Tensor> {
    const { signal, trace, cache } = options;
    signal?.throwIfAborted();
    return scopeAsync(this.device, async () => {
      const { x, step, end } = traced(trace, () => this.#begin(latents, t, context, options));
      const checked = (x: Tensor, block: DiTBlock, i: number) => {
        signal?.throwIfAborted();
        return traced(trace, () => step(x, block, i));
      };
      const last = await throughBlocks(x, this.#blocks, checked, cache);
      return traced(trace, () => end(last));
    });
  }

  /** The stream before the first block, what a block does to it, and the velocity at its end. */
  #begin(latents: Tensor, t: Tensor, context: Context, options: ForwardOptions) {
    const { given } = options;
    const grid = gridOf(latents.shape, this.config);
    const batch = batchIn(latents, t, context, given);
    const tokens = tokensAtOnce(this.config, this.dtype, options);
    const modulation = this.#timeModulation.forward(t, { task: context.taskTime });
    const positions = this.#posEmbed.forward(grid); //                             [N, D]
    const patches = this.#patchEmbed.forward(latents, grid, batch, given); //      [B, N, D]
    const place = (x: Tensor) => advance(x, () => add(x, positions)); // before every block
    return {
      x: place(patches),
      step: (x: Tensor, block: DiTBlock, i: number): Tensor => {
        const placed = i === 0 ? x : place(x);
        const text = context.layers?.[i];
        return advance(placed, () => block.forward(placed, modulation.blocks[i]!, text, tokens));
      },
      end: (x: Tensor): Tensor => {
        const velocity = this.#finalLayer.forward(x, modulation.final, grid); //   [B, C, T, H, W]
        return cast(velocity, latents.dtype);
      },
    };
  }

  /**
   * The part of the first tokens that what is given makes, the same at every step: call it once, use it at each.
   * @param given beside the latents by channels, as the config's `conditioning` says: [B, K, T, H, W], or one sample for all.
   * @returns [B, N, D] in f32, which the caller owns.
   */
  embedGiven(given: Tensor): Tensor {
    const grid = checkGiven(given.shape, this.config);
    return scope(this.device, () => this.#patchEmbed.given(given, grid));
  }

  /**
   * Projects the encoders' states to the model's width and packs each prompt's tokens, those of its task after them. The caller
   * owns the result.
   */
  embedText(text: TextStates, { trace, tasks }: ContextOptions = {}): EmbeddedText {
    return scope(this.device, () => traced(trace, () => this.#textEmbedder.forward(text, tasks)));
  }

  /** What cross-attention needs of a generation's text: call it once, use it at every step. */
  context(text: TextStates, options: ContextOptions = {}): Context {
    return scope(this.device, () => this.contextOf(this.embedText(text, options)));
  }

  /** The context of text that is already embedded; the caller keeps the text. */
  contextOf({ text, lengths, taskTime }: EmbeddedText): Context {
    checkText(text, lengths, this.config);
    return keep(
      scope(this.device, () => {
        const words = cast(text, this.dtype); // [B, L, D]
        return contextOf({ lengths, taskTime }, () => this.#blocks.map((block) => block.keysValues(words)));
      }),
    );
  }

  /**
   * Computes the positions of a grid of tokens beforehand and keeps them for `forward`. It pays before many steps. Call it
   * outside of a recording.
   * @param shape of the latents, [B, C, T, H, W].
   */
  preparePositions(shape: readonly number[]): void {
    this.#posEmbed.prepare(gridOf(shape, this.config));
  }

  /** Releases the model's weights. */
  dispose(): void {
    this.#weights.dispose();
    this.#posEmbed.dispose();
  }
}
