// The backbone (Movie Gen section 3.1.3): the velocity of the flow at X_t, given text and t. A LLaMa3 transformer
// over latent patches. Not here: its modules (patches.ts, positions.ts, modulation.ts, block.ts, context.ts), blocks
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
  scope,
  type Tensor,
  traced,
  WeightBook,
  type WeightSource,
} from '@moviegen/tensor';
import { DiTBlock } from './block.ts';
import type { DiTConfig } from './config.ts';
import { type Context, checkText, contextOf, type EmbeddedText, TextEmbedder } from './context.ts';
import {
  batchOf,
  type ContextOptions,
  checkGiven,
  type ForwardOptions,
  tokenGrid,
  tokensAtOnce,
} from './inputs.ts';
import { TimeModulation } from './modulation.ts';
import { FinalLayer, PatchEmbed } from './patches.ts';
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
    this.#timeModulation = new TimeModulation(book, config);
    this.#posEmbed = new PositionEmbedding(book);
    this.#patchEmbed = new PatchEmbed(book, config, this.dtype);
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
    const grid = tokenGrid(latents.shape, this.config);
    const { given } = options;
    const batch = batchOf(latents, t, context, given);
    const tokens = tokensAtOnce(this.config, this.dtype, options);
    const pass = () => {
      const modulation = this.#timeModulation.forward(t, context.taskTime);
      const positions = this.#posEmbed.forward(grid); //                         [N, D]
      let x = this.#patchEmbed.forward(latents, grid, batch, given); //          [B, N, D]
      for (const [i, block] of this.#blocks.entries()) {
        x = advance(x, () => add(x, positions)); // before every block           [B, N, D]
        x = advance(x, () => block.forward(x, modulation.blocks[i]!, context.layers?.[i], tokens));
      }
      const velocity = this.#finalLayer.forward(x, modulation.final, grid); //   [B, C, T, H, W]
      return cast(velocity, latents.dtype);
    };
    return scope(this.device, () => traced(options.trace, pass));
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
    this.#posEmbed.prepare(tokenGrid(shape, this.config));
  }

  /** Releases the model's weights. */
  dispose(): void {
    this.#weights.dispose();
    this.#posEmbed.dispose();
  }
}
