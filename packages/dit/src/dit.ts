// The backbone (Movie Gen section 3.1.3): the velocity of the flow at X_t, given text and t. A LLaMa3 transformer
// over latent patches. Not here: the text encoders, sampling.
//
// Legend: B batch, C latent channels, T H W latent frames, height, width, D model width, N video tokens,
// L text tokens.

import {
  add,
  advance,
  cast,
  concat,
  type Device,
  type DType,
  keep,
  linear,
  loadWeights,
  type Packed,
  rmsNorm,
  scope,
  Tensor,
  WeightBook,
  type WeightOptions,
  type WeightSource,
} from '@moviegen/tensor';
import { DiTBlock } from './block.ts';
import { type DiTConfig, parseConfig } from './config.ts';
import { type Context, type EmbeddedText, embedText, type TextStates } from './context.ts';
import { TimeModulation } from './modulation.ts';
import { fromPatches, gridOf, toPatches } from './patches.ts';
import { type Grid, positionsOf } from './positions.ts';
import { noteUnder, type Trace } from './trace.ts';
import { isLinearWeight, weightShapes } from './weights.ts';

/**
 * Type on the device (weights and activations; sums are in f32 always; default f32), a format for the weights of the
 * layers' matrices, progress and stop.
 */
export type LoadOptions = Pick<WeightOptions, 'dtype' | 'quantize' | 'onProgress' | 'signal'>;

/** Options of a forward pass. */
export interface ForwardOptions {
  readonly trace?: Trace;
  /**
   * Tokens that the projections and the FFN take at a time: memory against a little traffic. Default: as many as
   * have hidden values of 256 MiB, which is all of them in any but the largest generations.
   */
  readonly tokensAtOnce?: number;
}

const HIDDEN_BYTES = 256 * 2 ** 20;

/** A DiT's files: the parsed `config.json` and the weights. */
export interface Checkpoint {
  readonly config: unknown;
  readonly weights: WeightSource;
}

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
  readonly dtype: DType;
  private readonly weights: WeightBook;
  private readonly patchEmbed: Packed; // [D, C * patch]
  private readonly time: TimeModulation;
  private readonly layers: readonly DiTBlock[];
  private readonly output: Packed; // [patch * C, D]
  private readonly positions = new Map<string, Tensor>();

  /**
   * @param weights every tensor of `DiT.weightShapes(config)`, on the device. They are the model's from here on:
   *   those that its kernels want laid out anew are released at once, the others by `dispose`.
   * @throws Error listing all weights that are missing, extra or misshapen.
   */
  constructor(device: Device, config: DiTConfig, weights: Readonly<Record<string, Tensor>>) {
    const book = new WeightBook('dit', weights, weightShapes(config));
    this.device = device;
    this.config = config;
    this.weights = book;
    this.dtype = book.get('patch_embed.weight').dtype;
    this.patchEmbed = book.packed('patch_embed.weight');
    this.time = new TimeModulation(book, config);
    this.layers = Array.from(
      { length: config.numLayers },
      (_, i) => new DiTBlock(book, `layers.${i}`, config),
    );
    this.output = book.packed('output.weight');
  }

  /** Shape of every weight by its name in the checkpoint. */
  static weightShapes(config: DiTConfig): Record<string, readonly number[]> {
    return weightShapes(config);
  }

  /**
   * Loads the weights of a model.
   * @throws Error listing all weights that are missing, extra or misshapen.
   */
  static async load(
    device: Device,
    source: WeightSource,
    config: DiTConfig,
    options: LoadOptions = {},
  ): Promise<DiT> {
    const linear = isLinearWeight;
    return new DiT(
      device,
      config,
      await loadWeights(device, source, weightShapes(config), { ...options, linear }),
    );
  }

  /** Reads the configuration and loads the weights. */
  static fromPretrained(
    device: Device,
    { config, weights }: Checkpoint,
    options: LoadOptions = {},
  ): Promise<DiT> {
    return DiT.load(device, weights, parseConfig(config), options);
  }

  /**
   * The velocity at the latents.
   * @param latents X_t, [B, C, T, H, W], H and W multiples of the patch; read, never changed. One sample is shared by
   *   all prompts of the context (guidance: the null prompt and the prompt).
   * @param t the flow's time, [B], or [1] for all; 0 is noise.
   * @param text the context of a generation; or text in the model's width [B, L, D] and the tokens of each prompt.
   * @returns [B, C, T, H, W] in the latents' type; the caller owns it.
   */
  forward(latents: Tensor, t: Tensor, text: Context, options?: ForwardOptions): Tensor;
  forward(
    latents: Tensor,
    t: Tensor,
    text: Tensor,
    textLengths: readonly number[],
    options?: ForwardOptions,
  ): Tensor;
  forward(
    latents: Tensor,
    t: Tensor,
    text: Context | Tensor,
    second?: readonly number[] | ForwardOptions,
    third?: ForwardOptions,
  ): Tensor {
    return scope(this.device, () => {
      if (!(text instanceof Tensor))
        return this.velocity(latents, t, text, second as ForwardOptions | undefined);
      return this.velocity(latents, t, this.contextOf(text, second as readonly number[]), third);
    });
  }

  /** Projects the encoders' states to the model's width and packs each prompt's tokens. The caller owns the result. */
  embedText(parts: TextStates, { trace }: ForwardOptions = {}): EmbeddedText {
    return scope(this.device, () => {
      const embedded = embedText(parts, (name) => this.weights.get(`text_proj.${name}`), this.config, trace);
      trace?.('text.packed', embedded.text);
      return embedded;
    });
  }

  /** What cross-attention needs of a generation's text: call it once, use it at every step. */
  context(parts: TextStates, options: ForwardOptions = {}): Context {
    return keep(
      scope(this.device, () => {
        const { text, lengths } = this.embedText(parts, options);
        return this.contextOf(text, lengths);
      }),
    );
  }

  /**
   * Computes the positions of a grid of tokens beforehand and keeps them; `forward` uses them then. Worth it before
   * many steps; call it outside of a recording.
   * @param shape of the latents, [B, C, T, H, W].
   */
  preparePositions(shape: readonly number[]): void {
    const grid = this.gridOf(shape);
    if (!this.positions.has(grid.join()))
      this.positions.set(grid.join(), keep(scope(this.device, () => this.positionsOf(grid))));
  }

  /** Releases the model's weights. */
  dispose(): void {
    this.weights.dispose();
    for (const positions of this.positions.values()) positions.dispose();
    this.positions.clear();
  }

  private velocity(latents: Tensor, t: Tensor, text: Context, options: ForwardOptions = {}): Tensor {
    const { trace, tokensAtOnce = this.tokensAtOnce() } = options;
    const { config, weights } = this;
    const grid = this.gridOf(latents.shape);
    const B = this.batchOf(latents, t, text);
    const { layers, final } = this.time.forward(t, trace);
    const positions = this.positions.get(grid.join()) ?? this.positionsOf(grid); // [N, D]
    trace?.('pos_embed', positions);

    let x = this.patchify(cast(latents, this.dtype), grid); // [b, N, D], b samples
    if (x.shape[0] !== B) x = concat(new Array<Tensor>(B).fill(x), { axis: 0 }); // [B, N, D]
    trace?.('patch_embed', x);
    for (const [i, layer] of this.layers.entries()) {
      const { attend, feed } = layers[i]!;
      const note = noteUnder(trace, `layers.${i}`);
      x = advance(x, () => add(x, positions)); // before every layer, and kept in the residual
      x = advance(x, () => layer.forward(x, attend, feed, text.layers?.[i], tokensAtOnce, note));
    }
    trace?.('norm', rmsNorm(x, { weight: weights.get('norm.weight'), eps: config.normEps }));
    const normed = rmsNorm(x, { weight: weights.get('norm.weight'), eps: config.normEps, ...final });
    const values = linear(normed, this.output, { bias: weights.get('output.bias') }); // [B, N, h w C]
    trace?.('output', values);
    return cast(fromPatches(values, grid, config.patchSize), latents.dtype); // [B, C, T, H, W]
  }

  private tokensAtOnce(): number {
    const { ffnHiddenSize, hiddenSize } = this.config;
    const each = Math.max(ffnHiddenSize, 3 * hiddenSize) * (this.dtype === 'f16' ? 2 : 4);
    return Math.max(1024, Math.floor(HIDDEN_BYTES / each));
  }

  /** The 1 x h x w convolution whose stride is its kernel, as the linear map that it is. */
  private patchify(latents: Tensor, grid: Grid): Tensor {
    const patches = toPatches(latents, grid, this.config.patchSize); // [B, N, C h w]
    return linear(patches, this.patchEmbed, { bias: this.weights.get('patch_embed.bias') }); // [B, N, D]
  }

  private contextOf(text: Tensor, lengths: readonly number[]): Context {
    const { device, config } = this;
    const [B = 0, L = 0, D] = text.shape;
    if (text.rank !== 3 || D !== config.hiddenSize)
      throw new Error(`dit: text must be [B, L, ${config.hiddenSize}], got [${text.shape.join(', ')}]`);
    if (
      lengths.length !== B ||
      lengths.some((length) => !Number.isInteger(length) || length < 0 || length > L)
    )
      throw new Error(`dit: textLengths must be ${B} integers from 0 to ${L}, got [${lengths.join(', ')}]`);
    if (Math.max(...lengths) === 0) return { batch: B, layers: undefined, dispose() {} };
    const words = cast(text, this.dtype);
    const shared = Tensor.from(device, Uint32Array.from(lengths));
    const layers = this.layers.map((layer) => ({ keysValues: layer.keysValues(words), lengths: shared }));
    return {
      batch: B,
      layers,
      dispose: () => {
        for (const { keysValues } of layers) keysValues.dispose();
        shared.dispose();
      },
    };
  }

  private positionsOf(grid: Grid): Tensor {
    const table = (axis: string) => this.weights.get(`pos_embed.${axis}`);
    return positionsOf({ t: table('t'), h: table('h'), w: table('w') }, grid);
  }

  private gridOf(shape: readonly number[]): Grid {
    const C = this.config.inChannels;
    if (shape.length !== 5 || shape[1] !== C)
      throw new Error(`dit: latents must be [B, ${C}, T, H, W], got [${shape.join(', ')}]`);
    return gridOf(shape, this.config.patchSize);
  }

  private batchOf(latents: Tensor, t: Tensor, text: Context): number {
    const samples = latents.shape[0]!;
    const B = Math.max(samples, text.batch);
    if (samples !== text.batch && samples !== 1)
      throw new Error(`dit: text of ${text.batch} prompts does not fit ${samples} samples`);
    if (t.rank !== 1 || (t.shape[0] !== 1 && t.shape[0] !== B))
      throw new Error(`dit: t must be [${B}], or [1] for all, got [${t.shape.join(', ')}]`);
    return B;
  }
}
