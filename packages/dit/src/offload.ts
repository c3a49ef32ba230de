// Layers that do not fit on the device: they come from host or disk as they are needed, the next one on its way
// while the current one computes. Everything outside of the layers, and as many layers as fit, stay on the device.

import {
  changingBytes,
  checkWeights,
  type Device,
  decodingBytes,
  keep,
  linear,
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
import { DiTBlock } from './block.ts';
import type { DiTConfig } from './config.ts';
import { weightShapes } from './weights.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;

/** Which weights stay on the device, by a bound on their memory. */
export interface Placement {
  /** Layers that stay, from the first one on; all of them where the whole model fits. */
  readonly resident: number;
  /** Bytes of the weights on the device at most: those that stay, and the layers on their way. */
  readonly bytes: number;
}

/**
 * Decides what stays. Holds the whole source against the model first.
 * @param maxMemory bytes that the weights may take on the device
 * @throws WeightsError where they do not fit however few layers stay, or the source does not fit the model
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
  // The one in use, the next one as the file has it, and those of its matrices that are being laid out.
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

/** Weights of everything but the layers, which has the layers' adaLN tables with it. */
export function baseShapes(config: DiTConfig): Shapes {
  return picked(config, (name) => !/^layers\./.test(name) || name.endsWith('.adaln_table'));
}

/** Weights of a layer that a step needs. */
function layerShapes(config: DiTConfig, i: number): Shapes {
  const path = `layers.${i}.`;
  const ofText = (name: string) => /\.cross_attention\.w[kv]\.weight$/.test(name);
  return picked(config, (name) => name.startsWith(path) && !name.endsWith('.adaln_table') && !ofText(name));
}

/** Weights of a layer that meet the text, once a generation. */
function textShapes(config: DiTConfig, i: number): Shapes {
  const path = `layers.${i}.cross_attention`;
  return picked(config, (name) => name === `${path}.wk.weight` || name === `${path}.wv.weight`);
}

/** The largest matrices of each layer that are laid out together. */
function packsOf({ numLayers }: DiTConfig): string[][] {
  const named = (path: string, names: readonly string[]) => names.map((name) => `${path}.${name}.weight`);
  return Array.from({ length: numLayers }, (_, i) => [
    named(`layers.${i}.attention`, ['wq', 'wk', 'wv']),
    named(`layers.${i}.feed_forward`, ['w1', 'w3']),
  ]).flat();
}

/** Weights of whole layers. */
export function wholeLayers(config: DiTConfig, count: number): Shapes {
  const number = /^layers\.(\d+)\./;
  return picked(config, (name) => {
    const [, i] = number.exec(name) ?? [];
    return i !== undefined && Number(i) < count && !name.endsWith('.adaln_table');
  });
}

/** The layers from `first` on. */
export class LayerStream {
  constructor(
    private readonly device: Device,
    private readonly source: WeightSource,
    private readonly config: DiTConfig,
    private readonly options: WeightOptions,
    readonly first: number,
  ) {}

  /** The layers in order. Each is there until the next one is asked for. */
  layers(signal?: AbortSignal): AsyncGenerator<DiTBlock> {
    return this.streamed(
      (i) => layerShapes(this.config, i),
      signal,
      (book, i) => {
        return new DiTBlock(book, `layers.${i}`, this.config);
      },
    );
  }

  /** What `DiTBlock.keysValues` gives, of each of the layers; the caller owns them. */
  async keysValues(text: Tensor, signal?: AbortSignal): Promise<Tensor[]> {
    const found: Tensor[] = [];
    const packs = this.streamed(
      (i) => textShapes(this.config, i),
      signal,
      (book, i) => {
        const path = `layers.${i}.cross_attention`;
        return book.packed(`${path}.wk.weight`, `${path}.wv.weight`);
      },
    );
    try {
      for await (const pack of packs) found.push(keep(scope(this.device, () => linear(text, pack))));
    } catch (error) {
      for (const tensor of found) tensor.dispose();
      throw error;
    }
    return found;
  }

  /** Something made of each layer's weights, which are released when the next is asked for. */
  private async *streamed<T>(
    shapesOf: (i: number) => Shapes,
    signal: AbortSignal | undefined,
    make: (book: WeightBook, i: number) => T,
  ): AsyncGenerator<T> {
    const load = async (i: number) => {
      const shapes = shapesOf(i);
      const weights = await loadWeights(this.device, this.source, shapes, {
        ...this.options,
        ignore: () => true,
        uploadBytes: Number.POSITIVE_INFINITY, // waiting for the device would mean waiting for the current layer
        ...(signal && { signal }),
      });
      const book = new WeightBook('dit', weights, shapes);
      return { book, made: make(book, i) };
    };
    let next: ReturnType<typeof load> | undefined = load(this.first);
    try {
      for (let i = this.first; i < this.config.numLayers; i++) {
        const { book, made } = await orAborted(next!, signal);
        next = i + 1 < this.config.numLayers ? load(i + 1) : undefined;
        next?.catch(() => {}); // thrown where it is awaited
        try {
          yield made;
          this.device.submit(); // it computes while the next layer comes
        } finally {
          book.dispose(); // the device uses its memory for anything else only behind what it was given by now
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

/** Bytes for a person, rounded up, so that what is asked for suffices. */
function shown(bytes: number): string {
  if (bytes < 2 ** 24) return `${Math.ceil(bytes / 2 ** 10)} KiB`;
  return bytes < 2 ** 30
    ? `${Math.ceil(bytes / 2 ** 20)} MiB`
    : `${Math.ceil((10 * bytes) / 2 ** 30) / 10} GiB`;
}
