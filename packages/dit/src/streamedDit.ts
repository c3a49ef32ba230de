// A DiT whose last layers are streamed: the same modules as DiT (dit.ts) and the same results to the bit. The blocks that do
// not fit on the device come from the source at every step, so every method that runs them is asynchronous.
//
// Legend: B batch, C latent channels, T H W latent frames, height, width, D model width, N video tokens.

import {
  add,
  advance,
  cast,
  type Device,
  type DType,
  keep,
  loadWeights,
  scope,
  scopeAsync,
  type Tensor,
  traced,
  WeightBook,
  type WeightSource,
} from '@moviegen/tensor';
import { DiTBlock } from './block.ts';
import type { DiTConfig } from './config.ts';
import { type Context, contextOf, TextEmbedder } from './context.ts';
import {
  batchOf,
  type ContextOptions,
  checkGiven,
  type ForwardOptions,
  tokenGrid,
  tokensAtOnce,
} from './inputs.ts';
import { TimeModulation } from './modulation.ts';
import { baseShapes, LayerStream, wholeLayers } from './offload.ts';
import { FinalLayer, PatchEmbed } from './patches.ts';
import { PositionEmbedding } from './positions.ts';
import type { TextStates } from './textStates.ts';
import { type LoadOptions, weightOptions } from './weights.ts';

/** Options of an asynchronous forward pass. */
export interface ForwardAsyncOptions extends ForwardOptions {
  /** Stops within a layer: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The velocity model, with its last layers streamed; `loadDiT` makes it where a bound on memory asks for it. */
export class StreamedDiT {
  readonly device: Device;
  readonly config: DiTConfig;
  /** Type of weights and activations. */
  readonly dtype: DType;
  readonly #weights: WeightBook;
  readonly #textEmbedder: TextEmbedder;
  readonly #timeModulation: TimeModulation;
  readonly #posEmbed: PositionEmbedding;
  readonly #patchEmbed: PatchEmbed;
  readonly #blocks: readonly DiTBlock[]; // the layers that stay on the device
  readonly #stream: LayerStream; // the other layers
  readonly #finalLayer: FinalLayer;

  private constructor(
    device: Device,
    config: DiTConfig,
    weights: Readonly<Record<string, Tensor>>,
    stream: LayerStream,
  ) {
    const book = new WeightBook('dit', weights, stayingShapes(config, stream.first));
    this.device = device;
    this.config = config;
    this.dtype = book.get('patch_embed.weight').dtype;
    this.#weights = book;
    this.#textEmbedder = new TextEmbedder(book, config, this.dtype);
    this.#timeModulation = new TimeModulation(book, config);
    this.#posEmbed = new PositionEmbedding(book);
    this.#patchEmbed = new PatchEmbed(book, config, this.dtype);
    this.#blocks = Array.from({ length: stream.first }, (_, i) => new DiTBlock(book, `layers.${i}`, config));
    this.#stream = stream;
    this.#finalLayer = new FinalLayer(book, config);
  }

  /**
   * Loads the weights that stay.
   * @param source of all weights; it must stay open as long as the model is used.
   * @param options.resident layers that stay on the device, from the first one on.
   * @throws WeightsError listing all weights that are missing or misshapen.
   */
  static async load(
    device: Device,
    source: WeightSource,
    config: DiTConfig,
    { resident, ...options }: LoadOptions & { readonly resident: number },
  ): Promise<StreamedDiT> {
    const { onProgress, signal, ...types } = options;
    const weights = await loadWeights(device, source, stayingShapes(config, resident), {
      ...weightOptions(config, options),
      ignore: () => true,
    });
    const stream = new LayerStream(device, source, config, weightOptions(config, types), resident);
    return new StreamedDiT(device, config, weights, stream);
  }

  /** Layers that stay on the device: the first ones. */
  get residentLayers(): number {
    return this.#blocks.length;
  }

  /**
   * The same as `DiT.forward`, to the bit. Only one call may run on a device at a time.
   * @throws the signal's reason; what the source throws while a layer is read.
   */
  async forwardAsync(
    latents: Tensor,
    t: Tensor,
    context: Context,
    options: ForwardAsyncOptions = {},
  ): Promise<Tensor> {
    const { signal, trace, given } = options;
    signal?.throwIfAborted();
    const grid = tokenGrid(latents.shape, this.config);
    const batch = batchOf(latents, t, context, given);
    const tokens = tokensAtOnce(this.config, this.dtype, options);
    const run = <T>(work: () => T): T => traced(trace, work);
    return scopeAsync(this.device, async () => {
      const modulation = run(() => this.#timeModulation.forward(t, context.taskTime));
      const positions = run(() => this.#posEmbed.forward(grid)); //                     [N, D]
      let x = run(() => this.#patchEmbed.forward(latents, grid, batch, given)); //      [B, N, D]
      const through = (block: DiTBlock, i: number) => {
        const text = context.layers?.[i];
        x = advance(x, () => add(x, positions)); // before every block                  [B, N, D]
        x = advance(x, () => run(() => block.forward(x, modulation.blocks[i]!, text, tokens)));
      };
      for (const [i, block] of this.#blocks.entries()) through(block, i);
      this.device.submit();
      let i = this.residentLayers;
      for await (const block of this.#stream.blocks(signal)) through(block, i++);
      const velocity = run(() => this.#finalLayer.forward(x, modulation.final, grid)); // [B, C, T, H, W]
      return cast(velocity, latents.dtype);
    });
  }

  /** The same as `DiT.context`, to the bit. @throws the signal's reason. */
  async contextAsync(
    text: TextStates,
    { signal, trace, tasks }: ContextOptions & Pick<ForwardAsyncOptions, 'signal'> = {},
  ): Promise<Context> {
    signal?.throwIfAborted();
    return scopeAsync(this.device, async () => {
      const embedded = traced(trace, () => this.#textEmbedder.forward(text, tasks));
      const words = cast(embedded.text, this.dtype); // [B, L, D]
      const spoken = embedded.lengths.some((length) => length > 0);
      const streamed = spoken ? await this.#stream.keysValues(words, signal) : [];
      const resident = () => this.#blocks.map((block) => block.keysValues(words));
      return keep(contextOf(embedded, () => [...resident(), ...streamed]));
    });
  }

  /** The same as `DiT.embedGiven`. */
  embedGiven(given: Tensor): Tensor {
    const grid = checkGiven(given.shape, this.config);
    return scope(this.device, () => this.#patchEmbed.given(given, grid));
  }

  /** The same as `DiT.preparePositions`. */
  preparePositions(shape: readonly number[]): void {
    this.#posEmbed.prepare(tokenGrid(shape, this.config));
  }

  /** Releases the weights; the source is the caller's to close. */
  dispose(): void {
    this.#weights.dispose();
    this.#posEmbed.dispose();
  }
}

const stayingShapes = (config: DiTConfig, resident: number) => ({
  ...baseShapes(config),
  ...wholeLayers(config, resident),
});
