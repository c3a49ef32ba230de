// A DiT whose last layers are streamed: the same modules as DiT (dit.ts) and the same pass to the bit, but the blocks
// that do not fit on the device come from the source at every step, so that all that runs them is asynchronous.
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
  scopeAsync,
  type Tensor,
  traced,
  WeightBook,
  type WeightSource,
} from '@moviegen/tensor';
import { DiTBlock } from './block.ts';
import type { DiTConfig } from './config.ts';
import { type Context, contextOf, TextEmbedder } from './context.ts';
import { batchOf, type ForwardOptions, tokenGrid, tokensAtOnce } from './inputs.ts';
import { TimeModulation } from './modulation.ts';
import { baseShapes, LayerStream, wholeLayers } from './offload.ts';
import { FinalLayer, PatchEmbed } from './patches.ts';
import { PositionEmbedding } from './positions.ts';
import type { TextStates } from './textStates.ts';
import { type LoadOptions, weightOptions } from './weights.ts';

/** Options of a forward pass that takes its time. */
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
  readonly #blocks: readonly DiTBlock[]; // those that stay
  readonly #stream: LayerStream; // the others
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
   * `DiT.forward`, to the bit. One at a time on a device.
   * @throws the signal's reason; what the source throws while a layer is read.
   */
  async forwardAsync(
    latents: Tensor,
    t: Tensor,
    context: Context,
    options: ForwardAsyncOptions = {},
  ): Promise<Tensor> {
    const { signal, trace } = options;
    signal?.throwIfAborted();
    const grid = tokenGrid(latents.shape, this.config);
    const batch = batchOf(latents, t, context);
    const tokens = tokensAtOnce(this.config, this.dtype, options);
    const run = <T>(work: () => T): T => traced(trace, work);
    return scopeAsync(this.device, async () => {
      const modulation = run(() => this.#timeModulation.forward(t));
      const positions = run(() => this.#posEmbed.forward(grid)); //                     [N, D]
      let x = run(() => this.#patchEmbed.forward(latents, grid, batch)); //             [B, N, D]
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

  /** `DiT.context`, which also takes its time. @throws the signal's reason. */
  async contextAsync(
    text: TextStates,
    { signal, trace }: Pick<ForwardAsyncOptions, 'signal' | 'trace'> = {},
  ): Promise<Context> {
    signal?.throwIfAborted();
    return scopeAsync(this.device, async () => {
      const embedded = traced(trace, () => this.#textEmbedder.forward(text));
      const words = cast(embedded.text, this.dtype); // [B, L, D]
      const spoken = embedded.lengths.some((length) => length > 0);
      const streamed = spoken ? await this.#stream.keysValues(words, signal) : [];
      const resident = () => this.#blocks.map((block) => block.keysValues(words));
      return keep(contextOf(embedded.lengths, () => [...resident(), ...streamed]));
    });
  }

  /** `DiT.preparePositions` */
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
