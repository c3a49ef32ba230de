// A transformer whose last layers are streamed: the same modules as WanTransformer (transformer.ts) and the same results to the
// bit. The blocks that do not fit on the device come from the source at every step, so every method that runs them is
// asynchronous.

import {
  type Device,
  type DType,
  keep,
  LayerStream,
  loadWeights,
  scopeAsync,
  stayingWeights,
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
import { contextOf, KeysValues, type WanContext } from './context.ts';
import { WanEnds, type WanForwardAsyncOptions } from './ends.ts';
import { layeredWeights, type TransformerLoadOptions, weightOptions } from './weights.ts';

/** The model with its last layers streamed; `loadWanTransformer` makes it where a bound on memory asks for it. */
export class StreamedWanTransformer {
  readonly device: Device;
  readonly config: WanTransformerConfig;
  /** Type of weights and activations. */
  readonly dtype: DType;
  readonly #weights: WeightBook;
  readonly #ends: WanEnds;
  readonly #blocks: readonly WanBlock[]; // the layers that stay on the device
  readonly #stream: LayerStream; // the other layers

  private constructor(device: Device, config: WanTransformerConfig, book: WeightBook, stream: LayerStream) {
    this.device = device;
    this.config = config;
    this.#weights = book;
    this.#ends = new WanEnds(device, book, config);
    this.dtype = this.#ends.dtype;
    this.#blocks = Array.from({ length: stream.first }, (_, i) => new WanBlock(book, `blocks.${i}`, config));
    this.#stream = stream;
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
    config: WanTransformerConfig,
    { resident, ...options }: TransformerLoadOptions & { readonly resident: number },
  ): Promise<StreamedWanTransformer> {
    const { onProgress, signal, ...types } = options;
    const layered = layeredWeights(config);
    const staying = stayingWeights(layered, resident);
    const weights = await loadWeights(device, source, staying, {
      ...weightOptions(config, options),
      ignore: () => true,
    });
    const book = new WeightBook('wan', weights, staying);
    const stream = new LayerStream(device, source, layered, weightOptions(config, types), resident);
    return new StreamedWanTransformer(device, config, book, stream);
  }

  /** Layers that stay on the device: the first ones. */
  get residentLayers(): number {
    return this.#blocks.length;
  }

  /**
   * The same as `WanTransformer.forwardAsync`, to the bit. Only one call may run on a device at a time.
   * @throws the signal's reason; what the source throws while a layer is read.
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
      const made = (book: WeightBook, i: number) => new WanBlock(book, `blocks.${i}`, this.config);
      const blocks = this.#stream.layers(this.#blocks, made, signal);
      const last = await throughBlocks(
        x,
        blocks,
        (h, block, i) => traced(trace, () => step(h, block, i)),
        cache,
      );
      return traced(trace, () => end(last));
    });
  }

  /** The same as `WanTransformer.context`, to the bit. @throws the signal's reason. */
  async contextAsync(
    conditions: WanConditions,
    { signal, trace }: { readonly signal?: AbortSignal | undefined; readonly trace?: Trace | undefined } = {},
  ): Promise<WanContext> {
    signal?.throwIfAborted();
    return scopeAsync(this.device, async () => {
      const embedded = traced(trace, () => this.#ends.conditions.forward(conditions));
      const { text, image } = embedded;
      const made = (book: WeightBook, i: number) => new KeysValues(book, `blocks.${i}`, this.config);
      const run = <T>(work: () => T) => traced(trace, work);
      const streamed = await this.#stream.once(made, (kv) => run(() => kv.forward(text, image)), signal);
      const resident = this.#blocks.map((block) => run(() => block.keysValues(text, image)));
      return keep(contextOf(embedded, [...resident, ...streamed]));
    });
  }

  /** The same as `WanTransformer.preparePositions`. */
  preparePositions(shape: readonly number[]): void {
    this.#ends.positions.prepare(this.#ends.grid(shape));
  }

  /** Releases the weights; the source is the caller's to close. */
  dispose(): void {
    this.#weights.dispose();
    this.#ends.dispose();
  }
}
