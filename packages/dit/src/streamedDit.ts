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
  LayerStream,
  loadWeights,
  type PatchEmbed,
  scope,
  scopeAsync,
  stayingWeights,
  type Tensor,
  type TimeModulation,
  throughBlocks,
  traced,
  WeightBook,
  type WeightSource,
} from '@moviegen/tensor';
import { DiTBlock } from './block.ts';
import type { DiTConfig } from './config.ts';
import { type Context, contextOf, TextEmbedder } from './context.ts';
import { FinalLayer } from './finalLayer.ts';
import {
  batchIn,
  type ContextOptions,
  checkGiven,
  type ForwardAsyncOptions,
  gridOf,
  patchEmbed,
  tokensAtOnce,
} from './inputs.ts';
import { timeModulation } from './modulation.ts';
import { layeredWeights, streamedKeysValues } from './offload.ts';
import { PositionEmbedding } from './positions.ts';
import type { TextStates } from './textStates.ts';
import { type LoadOptions, weightOptions } from './weights.ts';

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
    const book = new WeightBook('dit', weights, stayingWeights(layeredWeights(config), stream.first));
    this.device = device;
    this.config = config;
    this.dtype = book.get('patch_embed.weight').dtype;
    this.#weights = book;
    this.#textEmbedder = new TextEmbedder(book, config, this.dtype);
    this.#timeModulation = timeModulation(book, config);
    this.#posEmbed = new PositionEmbedding(book);
    this.#patchEmbed = patchEmbed(book, config, this.dtype);
    this.#blocks = Array.from({ length: stream.first }, (_, i) => new DiTBlock(book, `layers.${i}`, config));
    this.#stream = stream;
    this.#finalLayer = new FinalLayer(book, config);
  }

  /**
   * Loads the weights that stay.
   * @param source of all weights; it must stay open as long as the model is used.
   * @param options `resident`: layers that stay on the device, from the first one on.
   * @throws WeightsError listing all weights that are missing or misshapen.
   */
  static async load(
    device: Device,
    source: WeightSource,
    config: DiTConfig,
    { resident, ...options }: LoadOptions & { readonly resident: number },
  ): Promise<StreamedDiT> {
    const { onProgress, signal, ...types } = options;
    const layered = layeredWeights(config);
    const weights = await loadWeights(device, source, stayingWeights(layered, resident), {
      ...weightOptions(config, options),
      ignore: () => true,
    });
    const stream = new LayerStream(device, source, layered, weightOptions(config, types), resident);
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
    const { signal, trace, cache, given } = options;
    signal?.throwIfAborted();
    const grid = gridOf(latents.shape, this.config);
    const batch = batchIn(latents, t, context, given);
    const tokens = tokensAtOnce(this.config, this.dtype, options);
    const run = <T>(work: () => T): T => traced(trace, work);
    return scopeAsync(this.device, async () => {
      const modulation = run(() => this.#timeModulation.forward(t, { task: context.taskTime }));
      const positions = run(() => this.#posEmbed.forward(grid)); //                     [N, D]
      const patches = run(() => this.#patchEmbed.forward(latents, grid, batch, given)); // [B, N, D]
      const step = (x: Tensor, block: DiTBlock, i: number) => {
        const placed = i === 0 ? x : advance(x, () => add(x, positions)); // before every block
        const text = context.layers?.[i];
        return advance(placed, () => run(() => block.forward(placed, modulation.blocks[i]!, text, tokens)));
      };
      const first = advance(patches, () => add(patches, positions)); //                 [B, N, D]
      const x = await throughBlocks(first, this.#allBlocks(signal), step, cache); //    [B, N, D]
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
      const streamed = spoken ? await streamedKeysValues(this.#stream, words, signal) : [];
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
    this.#posEmbed.prepare(gridOf(shape, this.config));
  }

  #allBlocks(signal?: AbortSignal): AsyncGenerator<DiTBlock> {
    const made = (book: WeightBook, i: number) => new DiTBlock(book, `layers.${i}`, this.config);
    return this.#stream.layers(this.#blocks, made, signal);
  }

  /** Releases the weights; the source is the caller's to close. */
  dispose(): void {
    this.#weights.dispose();
    this.#posEmbed.dispose();
  }
}
