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
  type Lora,
  linear,
  loadWeights,
  loraChanges,
  type Packed,
  rmsNorm,
  scope,
  scopeAsync,
  Tensor,
  WeightBook,
  type WeightOptions,
  type WeightSource,
} from '@moviegen/tensor';
import { DiTBlock } from './block.ts';
import { type DiTConfig, parseConfig } from './config.ts';
import {
  type Context,
  checkText,
  contextOf,
  type EmbeddedText,
  embedText,
  emptyContext,
  type TextStates,
} from './context.ts';
import { TimeModulation, type TimeModulations } from './modulation.ts';
import { baseShapes, LayerStream, placeLayers, wholeLayers } from './offload.ts';
import { fromPatches, gridOf, toPatches } from './patches.ts';
import { type Grid, positionsOf } from './positions.ts';
import { noteUnder, type Trace } from './trace.ts';
import { isLinearWeight, weightShapes } from './weights.ts';

/**
 * Type on the device (weights and activations; sums, and what the layers add to, are in f32 always; default f32), a
 * format for the weights of the layers' matrices, progress and stop.
 */
export interface LoadOptions extends Pick<WeightOptions, 'dtype' | 'quantize' | 'onProgress' | 'signal'> {
  /** LoRAs to merge. */
  readonly loras?: readonly Lora[] | undefined;
  /**
   * Bytes that the weights may take on the device; activations come on top. Where the model needs more, its last layers
   * are streamed at every step: the source must stay open, a layer passes through host memory, and only
   * `forwardAsync` and `contextAsync` run. The results are the same. Default: no bound.
   */
  readonly maxMemory?: number | undefined;
}

/** Options of a forward pass. */
export interface ForwardOptions {
  readonly trace?: Trace;
  /**
   * Tokens that the projections and the FFN take at a time: memory against a little traffic. Default: as many as
   * have hidden values of 256 MiB, which is all of them in any but the largest generations.
   */
  readonly tokensAtOnce?: number;
}

/** Options of a forward pass that may take its time. */
export interface ForwardAsyncOptions extends ForwardOptions {
  /** Stops within a layer: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A forward pass under way: what every layer needs. */
interface Pass {
  /** [B, N, D], before the first layer. */
  readonly x: Tensor;
  /** The latents' type. */
  readonly dtype: DType;
  readonly grid: Grid;
  readonly positions: Tensor; // [N, D]
  readonly times: TimeModulations;
  readonly text: Context;
  readonly tokensAtOnce: number;
  readonly trace: Trace | undefined;
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
   * @param stream of the layers that are not among the weights; `load` makes it.
   * @throws Error listing all weights that are missing, extra or misshapen.
   */
  constructor(
    device: Device,
    config: DiTConfig,
    weights: Readonly<Record<string, Tensor>>,
    private readonly stream?: LayerStream,
  ) {
    const resident = stream?.first ?? config.numLayers;
    const shapes = stream
      ? { ...baseShapes(config), ...wholeLayers(config, resident) }
      : weightShapes(config);
    const book = new WeightBook('dit', weights, shapes);
    this.device = device;
    this.config = config;
    this.weights = book;
    this.dtype = book.get('patch_embed.weight').dtype;
    this.patchEmbed = book.packed('patch_embed.weight');
    this.time = new TimeModulation(book, config);
    this.layers = Array.from({ length: resident }, (_, i) => new DiTBlock(book, `layers.${i}`, config));
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
    const { loras = [], maxMemory, onProgress, signal, ...types } = options;
    const shapes = weightShapes(config);
    const changes = loras.length > 0 ? loraChanges(loras, shapes) : undefined;
    const streaming: WeightOptions = { ...types, changes, linear: isLinearWeight };
    const loading = { ...streaming, ...(onProgress && { onProgress }), ...(signal && { signal }) };
    const resident =
      maxMemory === undefined ? config.numLayers : placeLayers(source, config, streaming, maxMemory).resident;
    if (resident === config.numLayers)
      return new DiT(device, config, await loadWeights(device, source, shapes, loading));
    const staying = { ...baseShapes(config), ...wholeLayers(config, resident) };
    const weights = await loadWeights(device, source, staying, { ...loading, ignore: () => true });
    return new DiT(device, config, weights, new LayerStream(device, source, config, streaming, resident));
  }

  /** Reads the configuration and loads the weights. */
  static fromPretrained(
    device: Device,
    { config, weights }: Checkpoint,
    options: LoadOptions = {},
  ): Promise<DiT> {
    return DiT.load(device, weights, parseConfig(config), options);
  }

  /** Layers that stay on the device; fewer than the model has where `maxMemory` streams the others. */
  get residentLayers(): number {
    return this.layers.length;
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
    this.checkResident('forward');
    return scope(this.device, () => {
      if (!(text instanceof Tensor))
        return this.velocity(latents, t, text, second as ForwardOptions | undefined);
      return this.velocity(latents, t, this.contextOf(text, second as readonly number[]), third);
    });
  }

  /**
   * `forward`, also of a model whose layers are streamed; to the bit the same. One at a time on a device.
   * @throws the signal's reason; what the source throws while a layer is read.
   */
  async forwardAsync(
    latents: Tensor,
    t: Tensor,
    text: Context,
    options: ForwardAsyncOptions = {},
  ): Promise<Tensor> {
    const { signal } = options;
    signal?.throwIfAborted();
    const { stream } = this;
    if (!stream) return this.forward(latents, t, text, options);
    return scopeAsync(this.device, async () => {
      const pass = this.enter(latents, t, text, options);
      let x = this.resident(pass);
      this.device.submit();
      let i = stream.first;
      for await (const layer of stream.layers(signal)) x = this.through(x, pass, i++, layer);
      return this.leave(x, pass);
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
    this.checkResident('context');
    return keep(
      scope(this.device, () => {
        const { text, lengths } = this.embedText(parts, options);
        return this.contextOf(text, lengths);
      }),
    );
  }

  /** `context`, also of a model whose layers are streamed. @throws the signal's reason. */
  async contextAsync(parts: TextStates, options: ForwardAsyncOptions = {}): Promise<Context> {
    const { signal } = options;
    signal?.throwIfAborted();
    const { stream } = this;
    if (!stream) return this.context(parts, options);
    return scopeAsync(this.device, async () => {
      const { text, lengths } = this.embedText(parts, options);
      const words = cast(text, this.dtype);
      const empty = Math.max(...lengths) === 0;
      return keep(this.contextOf(text, lengths, empty ? [] : await stream.keysValues(words, signal)));
    });
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
    const pass = this.enter(latents, t, text, options);
    return this.leave(this.resident(pass), pass);
  }

  private enter(latents: Tensor, t: Tensor, text: Context, options: ForwardOptions): Pass {
    const { trace, tokensAtOnce = this.tokensAtOnce() } = options;
    const grid = this.gridOf(latents.shape);
    const B = this.batchOf(latents, t, text);
    const times = this.time.forward(t, trace);
    const positions = this.positions.get(grid.join()) ?? this.positionsOf(grid); // [N, D]
    trace?.('pos_embed', positions);

    let x = this.patchify(cast(latents, this.dtype), grid); // [b, N, D], b samples
    if (x.shape[0] !== B) x = concat(new Array<Tensor>(B).fill(x), { axis: 0 }); // [B, N, D]
    trace?.('patch_embed', x);
    // What all layers add to is f32: in f16 it would lose bits at each of them, or leave its range.
    const stream = advance(x, () => cast(x, 'f32'));
    return { x: stream, dtype: latents.dtype, grid, positions, times, text, tokensAtOnce, trace };
  }

  /** Through the layers that are on the device. */
  private resident(pass: Pass): Tensor {
    return this.layers.reduce((x, layer, i) => this.through(x, pass, i, layer), pass.x);
  }

  private through(before: Tensor, pass: Pass, i: number, layer: DiTBlock): Tensor {
    const { positions, times, text, tokensAtOnce, trace } = pass;
    const { attend, feed } = times.layers[i]!;
    const note = noteUnder(trace, `layers.${i}`);
    const x = advance(before, () => add(before, positions)); // before every layer, and kept in the residual
    return advance(x, () => layer.forward(x, attend, feed, text.layers?.[i], tokensAtOnce, note));
  }

  private leave(x: Tensor, { dtype, grid, times, trace }: Pass): Tensor {
    const { config, weights } = this;
    const norm = { weight: weights.get('norm.weight'), eps: config.normEps };
    trace?.('norm', rmsNorm(x, norm));
    const values = linear(rmsNorm(x, { ...norm, ...times.final }), this.output, {
      bias: weights.get('output.bias'),
    }); // [B, N, h w C]
    trace?.('output', values);
    return cast(fromPatches(values, grid, config.patchSize), dtype); // [B, C, T, H, W]
  }

  private checkResident(method: string): void {
    if (!this.stream) return;
    throw new Error(`dit: ${method}: layers of this model are streamed (maxMemory): use ${method}Async`);
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

  /** @param streamed keys and values of the layers that are not on the device. */
  private contextOf(text: Tensor, lengths: readonly number[], streamed: readonly Tensor[] = []): Context {
    checkText(text, lengths, this.config);
    if (Math.max(...lengths) === 0) return emptyContext(lengths.length);
    const words = cast(text, this.dtype);
    return contextOf(lengths, [...this.layers.map((layer) => layer.keysValues(words)), ...streamed]);
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
