// Models larger than the device: which layers stay there within a bound on memory, and the stream of the other layers. These
// come from host or disk at each use, the next one while the current one computes. All weights outside of the layers stay on
// the device. Not here: the model (streamedDit.ts).

import {
  changingBytes,
  checkWeights,
  type Device,
  decodingBytes,
  keep,
  loadWeights,
  orAborted,
  quantizedSource,
  scope,
  type Tensor,
  WeightBook,
  type WeightOptions,
  type WeightSource,
  WeightsError,
  weightBytes,
} from '@moviegen/tensor';
import { DiTBlock, keysValuesOf } from './block.ts';
import type { DiTConfig } from './config.ts';
import { weightShapes } from './weights.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;

/** Which weights stay on the device, within a bound on their memory. */
export interface Placement {
  /** Layers that stay, from the first one on; all of them where the whole model fits. */
  readonly resident: number;
  /** The most bytes that weights take on the device: those that stay, and the layers on their way. */
  readonly bytes: number;
}

/**
 * Decides which layers stay, after a check that the source holds the whole model.
 * @param maxMemory bytes that the weights may take on the device
 * @throws WeightsError where the bound is too small even if no layer stays, or the source does not fit the model
 */
export function placeLayers(
  given: WeightSource,
  config: DiTConfig,
  options: WeightOptions,
  maxMemory: number,
): Placement {
  if (!(maxMemory > 0)) throw new WeightsError(`dit: maxMemory must be bytes above 0, got ${maxMemory}`);
  const source = quantizedSource(given);
  checkWeights(source, weightShapes(config), options);
  const bytesOf = (shapes: Shapes) => weightBytes(source, Object.keys(shapes), options);
  const base = bytesOf(baseShapes(config));
  const layers = Array.from({ length: config.numLayers }, (_, i) => bytesOf(layerShapes(config, i)));
  const whole = layers.map((layer, i) => layer + bytesOf(textShapes(config, i)));
  const names = Object.keys(weightShapes(config));
  const passing = decodingBytes(source, names, options) + changingBytes(source, names, options);
  const total = whole.reduce((sum, bytes) => sum + bytes, base + passing);
  if (total <= maxMemory) return { resident: config.numLayers, bytes: total };
  const layer = Math.max(...layers);
  // The layer in use, the next layer as the file has it, and its matrices that are being laid out for the kernels.
  const packs = Math.max(...packsOf(config).map((names) => weightBytes(source, names, options)));
  const moving = 2 * layer + packs + passing;
  let [resident, bytes] = [0, base + moving];
  if (bytes > maxMemory)
    throw new WeightsError(
      `dit: maxMemory of ${shown(maxMemory)} is too small for one layer: the weights outside of the layers take ` +
        `${shown(base)}, a layer ${shown(layer)}, and ${shown(moving)} while the next one comes; ` +
        `give at least ${shown(Math.min(bytes, total))}`,
    );
  while (bytes + whole[resident]! <= maxMemory) bytes += whole[resident++]!;
  return { resident, bytes };
}

/** All weights outside of the layers, and the layers' adaLN tables: the time is embedded for all layers at once. */
export function baseShapes(config: DiTConfig): Shapes {
  return picked(config, (name) => !/^layers\./.test(name) || name.endsWith('.adaln_table'));
}

/** The weights of a layer that every step needs. */
function layerShapes(config: DiTConfig, i: number): Shapes {
  const path = `layers.${i}.`;
  const ofText = (name: string) => /\.cross_attention\.w[kv]\.weight$/.test(name);
  return picked(config, (name) => name.startsWith(path) && !name.endsWith('.adaln_table') && !ofText(name));
}

/** The weights of a layer that meet the text, once per generation. */
function textShapes(config: DiTConfig, i: number): Shapes {
  const path = `layers.${i}.cross_attention`;
  return picked(config, (name) => name === `${path}.wk.weight` || name === `${path}.wv.weight`);
}

/** The largest groups of a layer's matrices that are laid out together. */
function packsOf({ numLayers }: DiTConfig): string[][] {
  const named = (path: string, names: readonly string[]) => names.map((name) => `${path}.${name}.weight`);
  return Array.from({ length: numLayers }, (_, i) => [
    named(`layers.${i}.attention`, ['wq', 'wk', 'wv']),
    named(`layers.${i}.feed_forward`, ['w1', 'w3']),
  ]).flat();
}

/** The weights of the first layers, as many as `count`. */
export function wholeLayers(config: DiTConfig, count: number): Shapes {
  const number = /^layers\.(\d+)\./;
  return picked(config, (name) => {
    const [, i] = number.exec(name) ?? [];
    return i !== undefined && Number(i) < count && !name.endsWith('.adaln_table');
  });
}

/** The layers from `first` on. */
export class LayerStream {
  readonly first: number;
  readonly #device: Device;
  readonly #source: WeightSource;
  readonly #config: DiTConfig;
  readonly #options: WeightOptions;

  constructor(
    device: Device,
    source: WeightSource,
    config: DiTConfig,
    options: WeightOptions,
    first: number,
  ) {
    this.first = first;
    this.#device = device;
    this.#source = source;
    this.#config = config;
    this.#options = options;
  }

  /** The layers in order. Each stays loaded until the next one is asked for. */
  blocks(signal?: AbortSignal): AsyncGenerator<DiTBlock> {
    const shapes = (i: number) => layerShapes(this.#config, i);
    return this.#streamed(shapes, signal, (book, path) => new DiTBlock(book, path, this.#config));
  }

  /** The result of `DiTBlock.keysValues` for each of the layers; the caller owns them. */
  async keysValues(text: Tensor, signal?: AbortSignal): Promise<Tensor[]> {
    const shapes = (i: number) => textShapes(this.#config, i);
    const found: Tensor[] = [];
    try {
      for await (const wkv of this.#streamed(shapes, signal, keysValuesOf))
        found.push(keep(scope(this.#device, () => wkv.forward(text))));
    } catch (error) {
      for (const tensor of found) tensor.dispose();
      throw error;
    }
    return found;
  }

  /** The result of `make` for each layer. The layer's weights are released when the next layer is asked for. */
  async *#streamed<T>(
    shapesOf: (i: number) => Shapes,
    signal: AbortSignal | undefined,
    make: (book: WeightBook, path: string) => T,
  ): AsyncGenerator<T> {
    const load = async (i: number) => {
      const shapes = shapesOf(i);
      const weights = await loadWeights(this.#device, this.#source, shapes, {
        ...this.#options,
        ignore: () => true,
        uploadBytes: Number.POSITIVE_INFINITY, // to wait for the device would be to wait for the current layer
        signal,
      });
      const book = new WeightBook('dit', weights, shapes);
      return { book, made: make(book, `layers.${i}`) };
    };
    let next: ReturnType<typeof load> | undefined = load(this.first);
    try {
      for (let i = this.first; i < this.#config.numLayers; i++) {
        const { book, made } = await orAborted(next!, signal);
        next = i + 1 < this.#config.numLayers ? load(i + 1) : undefined;
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

function picked(config: DiTConfig, wanted: (name: string) => boolean): Shapes {
  return Object.fromEntries(Object.entries(weightShapes(config)).filter(([name]) => wanted(name)));
}

/** Bytes as a person reads them, rounded up, so that the amount that a message asks for is enough. */
function shown(bytes: number): string {
  if (bytes < 2 ** 24) return `${Math.ceil(bytes / 2 ** 10)} KiB`;
  return bytes < 2 ** 30
    ? `${Math.ceil(bytes / 2 ** 20)} MiB`
    : `${Math.ceil((10 * bytes) / 2 ** 30) / 10} GiB`;
}
