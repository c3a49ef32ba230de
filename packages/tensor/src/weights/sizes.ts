// Types and bytes of weights, in the file and on the device. Every source here has its quantised weights under their
// plain names, as `quantizedSource` gives it.
import { BYTES, canDecode, canQuantize, type DType, isQuantFormat, sizeOf, unitOf } from '@moviegen/kernels';
import { sizeClass } from '../gpu/pool.ts';
import { windowBytes } from './decoding.ts';
import type { WeightOptions, WeightSource } from './source.ts';
import { UPLOAD_BYTES } from './uploads.ts';

/** The most bytes that the device needs in addition to the weights, to decode them while they are loaded. */
export function decodingBytes(
  source: WeightSource,
  names: readonly string[],
  options: WeightOptions,
): number {
  const { prefix = '', uploadBytes = UPLOAD_BYTES } = options;
  const decoded = names.filter((name) => isDecoded(source, name, options));
  if (decoded.length === 0) return 0;
  return windowBytes(
    decoded.reduce((sum, name) => sum + fileBytes(source, prefix + name), 0),
    uploadBytes,
  );
}

/** Whether the device decodes a weight: its floats have another type in the file. */
const isDecoded = (source: WeightSource, name: string, options: WeightOptions): boolean =>
  canDecode(source.dtype((options.prefix ?? '') + name), firstType(source, name, options));

/** Bytes of weights on the device, by name without the prefix, including the pool's rounding. */
export function weightBytes(source: WeightSource, names: readonly string[], options: WeightOptions): number {
  const bytesOf = (name: string) =>
    sizeClass(sizeOf(source.shape((options.prefix ?? '') + name)) * BYTES[typeOf(source, name, options)]);
  return names.reduce((sum, name) => sum + bytesOf(name), 0);
}

/**
 * The most bytes that the device needs in addition to the weights, to change them while they are loaded: one after the
 * other, in f32.
 */
export function changingBytes(
  source: WeightSource,
  names: readonly string[],
  options: WeightOptions,
): number {
  const { prefix = '', changes } = options;
  if (changes === undefined) return 0;
  const bytesOf = (name: string) => {
    if (!changes.has(prefix + name)) return 0;
    const applying = changes.bytes(prefix + name);
    if (typeOf(source, name, options) === 'f32') return applying;
    const plain = sizeClass(4 * sizeOf(source.shape(prefix + name)));
    // The old weight, and then either the change or the new weight with its final form.
    return plain + Math.max(applying, plain + weightBytes(source, [name], options));
  };
  return names.reduce((most, name) => Math.max(most, bytesOf(name)), 0);
}

/** The type in which a weight is loaded at first: a plain weight that will be changed is loaded as f32. */
export function firstType(source: WeightSource, name: string, options: WeightOptions): DType {
  const type = typeOf(source, name, options);
  const { prefix = '', changes } = options;
  const quantized = isQuantFormat(source.dtype(prefix + name).toLowerCase());
  return changes?.has(prefix + name) && !quantized ? 'f32' : type;
}

/** The final type of a weight on the device, by its name in the spec. */
export function typeOf(
  source: WeightSource,
  name: string,
  { dtype = 'f32', inF32, prefix = '', linear, quantize }: WeightOptions,
): DType {
  const given = source.dtype(prefix + name).toLowerCase();
  if (isQuantFormat(given)) return given;
  const quantizes = quantize !== undefined && linear?.(name) && canQuantize(source.shape(prefix + name));
  if (quantizes) return quantize;
  return inF32?.(name) ? 'f32' : dtype;
}

/** Bytes of a tensor in the file. */
export function fileBytes(source: WeightSource, name: string): number {
  const type = source.dtype(name).toLowerCase();
  if (isQuantFormat(type)) return sizeOf(source.shape(name)) * BYTES[type];
  const unit = unitOf(source.dtype(name));
  return (sizeOf(source.shape(name)) * unit.bytes) / unit.elements;
}
