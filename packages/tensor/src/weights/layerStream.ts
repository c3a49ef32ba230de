// The layers of a model that do not stay on the device: they come from host or disk at each use, the next one while the
// current one computes. Not here: which layers stay (placement.ts), the models.

import { orAborted } from '../abort.ts';
import type { Device } from '../device/device.ts';
import { operandsIn } from '../device/operand.ts';
import { keep, scope } from '../device/scope.ts';
import { WeightBook } from './book.ts';
import { loadWeights } from './load.ts';
import type { LayeredWeights } from './placement.ts';
import type { WeightOptions, WeightSource } from './source.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;
/** Makes a module of a layer from its weights. */
type Make<T> = (book: WeightBook, i: number) => T;

/** The layers from `first` on. */
export class LayerStream {
  readonly first: number;
  readonly #device: Device;
  readonly #source: WeightSource;
  readonly #weights: LayeredWeights;
  readonly #options: WeightOptions;

  /** @param source of all weights; it must stay open as long as the stream is used. */
  constructor(
    device: Device,
    source: WeightSource,
    weights: LayeredWeights,
    options: WeightOptions,
    first: number,
  ) {
    this.first = first;
    this.#device = device;
    this.#source = source;
    this.#weights = weights;
    this.#options = options;
  }

  /**
   * All layers in order: the resident ones, then the others, made from the weights that every step needs. Each of these stays
   * loaded until the next one is asked for.
   */
  async *layers<T>(resident: Iterable<T>, make: Make<T>, signal?: AbortSignal): AsyncGenerator<T> {
    yield* resident;
    this.#device.submit(); // what is encoded computes while the first layer comes
    yield* this.#streamed((i) => this.#weights.layer(i), signal, make);
  }

  /** What `use` makes of each layer's weights that are used once; the caller owns the tensors in it. */
  async once<T, R>(make: Make<T>, use: (made: T) => R, signal?: AbortSignal): Promise<R[]> {
    const found: R[] = [];
    try {
      for await (const made of this.#streamed((i) => this.#weights.once(i), signal, make))
        found.push(keep(scope(this.#device, () => use(made))));
    } catch (error) {
      for (const tensor of operandsIn(found)) tensor.dispose();
      throw error;
    }
    return found;
  }

  /** The result of `make` for each layer. The layer's weights are released when the next layer is asked for. */
  async *#streamed<T>(
    shapesOf: (i: number) => Shapes,
    signal: AbortSignal | undefined,
    make: Make<T>,
  ): AsyncGenerator<T> {
    const { model, layers } = this.#weights;
    const load = async (i: number) => {
      const shapes = shapesOf(i);
      const weights = await loadWeights(this.#device, this.#source, shapes, {
        ...this.#options,
        ignore: () => true,
        uploadBytes: Number.POSITIVE_INFINITY, // to wait for the device would be to wait for the current layer
        signal,
      });
      const book = new WeightBook(model, weights, shapes);
      return { book, made: make(book, i) };
    };
    let next: ReturnType<typeof load> | undefined = load(this.first);
    try {
      for (let i = this.first; i < layers; i++) {
        const { book, made } = await orAborted(next!, signal);
        next = i + 1 < layers ? load(i + 1) : undefined;
        next?.catch(() => {}); // an error is thrown where it is awaited
        try {
          yield made;
          this.#device.submit(); // this layer computes while the next one comes
        } finally {
          book.dispose(); // its memory is reused only by work that is submitted later
        }
      }
    } finally {
      next?.then(
        ({ book }) => book.dispose(),
        () => {},
      );
    }
  }
}
