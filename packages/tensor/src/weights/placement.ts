// Models larger than the device: which layers stay there within a bound on memory. All weights outside of the layers stay.
// Not here: the stream of the other layers (layerStream.ts), the models.

import { checkWeights } from './check.ts';
import { quantizedSource } from './quantized.ts';
import { changingBytes, decodingBytes, weightBytes } from './sizes.ts';
import { type WeightOptions, type WeightSource, WeightsError } from './source.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;

/** The weights of a model of many equal layers, by what happens to them where not all layers fit. */
export interface LayeredWeights {
  /** Names the model in errors. */
  readonly model: string;
  /** How many layers. */
  readonly layers: number;
  /** All weights. */
  readonly all: Shapes;
  /** The weights that stay in any case: those outside of the layers, and what is computed for all layers at once. */
  readonly base: Shapes;
  /** The weights of a layer that every step needs. */
  layer(i: number): Shapes;
  /** The weights of a layer that are used once per generation: for the keys and values of the text. */
  once(i: number): Shapes;
  /** The largest groups of a layer's matrices that are laid out together, by name. */
  packs(i: number): readonly (readonly string[])[];
}

/** Which weights stay on the device, within a bound on their memory. */
export interface Placement {
  /** Layers that stay, from the first one on; all of them where the whole model fits. */
  readonly resident: number;
  /** The most bytes that weights take on the device: those that stay, and the layers on their way. */
  readonly bytes: number;
}

/** The weights of a model whose first `resident` layers stay on the device. */
export function stayingWeights(weights: LayeredWeights, resident: number): Shapes {
  const layers = Array.from({ length: resident }, (_, i) => ({ ...weights.layer(i), ...weights.once(i) }));
  return Object.assign({ ...weights.base }, ...layers);
}

/**
 * Decides which layers stay, after a check that the source holds the whole model.
 * @param maxMemory bytes that the weights may take on the device
 * @throws WeightsError where the bound is too small even if no layer stays, or the source does not fit the model
 */
export function placeWeights(
  given: WeightSource,
  weights: LayeredWeights,
  options: WeightOptions,
  maxMemory: number,
): Placement {
  const { model, layers: count } = weights;
  if (!(maxMemory > 0)) throw new WeightsError(`${model}: maxMemory must be bytes above 0, got ${maxMemory}`);
  const source = quantizedSource(given);
  checkWeights(source, weights.all, options);
  const bytesOf = (shapes: Shapes) => weightBytes(source, Object.keys(shapes), options);
  const each = <T>(make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
  const base = bytesOf(weights.base);
  const layers = each((i) => bytesOf(weights.layer(i)));
  const whole = layers.map((layer, i) => layer + bytesOf(weights.once(i)));
  const names = Object.keys(weights.all);
  const passing = decodingBytes(source, names, options) + changingBytes(source, names, options);
  const total = whole.reduce((sum, bytes) => sum + bytes, base + passing);
  if (total <= maxMemory) return { resident: count, bytes: total };
  const layer = Math.max(...layers);
  // The layer in use, the next layer as the file has it, and its matrices that are being laid out for the kernels.
  const packs = Math.max(
    ...each((i) => weights.packs(i))
      .flat()
      .map((group) => weightBytes(source, group, options)),
  );
  const moving = 2 * layer + packs + passing;
  let [resident, bytes] = [0, base + moving];
  if (bytes > maxMemory)
    throw new WeightsError(
      `${model}: maxMemory of ${shown(maxMemory)} is too small for one layer: the weights outside of the layers take ` +
        `${shown(base)}, a layer ${shown(layer)}, and ${shown(moving)} while the next one comes; ` +
        `give at least ${shown(Math.min(bytes, total))}`,
    );
  while (bytes + whole[resident]! <= maxMemory) bytes += whole[resident++]!;
  return { resident, bytes };
}

/** Bytes as a person reads them, rounded up, so that the amount that a message asks for is enough. */
function shown(bytes: number): string {
  if (bytes < 2 ** 24) return `${Math.ceil(bytes / 2 ** 10)} KiB`;
  return bytes < 2 ** 30
    ? `${Math.ceil(bytes / 2 ** 20)} MiB`
    : `${Math.ceil((10 * bytes) / 2 ** 30) / 10} GiB`;
}
