// Types and bytes of weights, in the file and on the device.
import { BYTES, canDecode, canQuantize, type DType, isQuantFormat } from '@moviegen/kernels';
import { bitsOf, windowBytes } from './decoding.ts';
import { sizeClass } from './pool.ts';
import { quantizedSource } from './quantizedSource.ts';
import { count } from './tensor.ts';
import { UPLOAD_BYTES } from './uploads.ts';
import type { WeightOptions, WeightSource } from './weights.ts';

/** Bytes that the device needs besides the weights, at most, to decode those of a source while they are loaded. */
export function decodingBytes(given: WeightSource, names: readonly string[], options: WeightOptions): number {
  const { prefix = '', uploadBytes = UPLOAD_BYTES } = options;
  const source = quantizedSource(given);
  const decoded = names.filter((name) => isDecoded(source, name, options));
  if (decoded.length === 0) return 0;
  return windowBytes(
    decoded.reduce((sum, name) => sum + fileBytes(source, prefix + name), 0),
    uploadBytes,
  );
}

/** Whether a weight's floats have to become those of another type. */
export const isDecoded = (source: WeightSource, name: string, options: WeightOptions): boolean =>
  canDecode(source.dtype((options.prefix ?? '') + name), firstType(source, name, options));

/** Bytes that weights of a source, by name without the prefix, take on the device, the pool's rounding included. */
export function weightBytes(given: WeightSource, names: readonly string[], options: WeightOptions): number {
  const source = quantizedSource(given);
  const bytesOf = (name: string) =>
    sizeClass(count(source.shape((options.prefix ?? '') + name)) * BYTES[typeOf(source, name, options)]);
  return names.reduce((sum, name) => sum + bytesOf(name), 0);
}

/**
 * Bytes that the device needs besides the weights, at most, to change those of a source while they are loaded: one
 * after the other, in f32.
 */
export function changingBytes(given: WeightSource, names: readonly string[], options: WeightOptions): number {
  const { prefix = '', changes } = options;
  if (changes === undefined) return 0;
  const source = quantizedSource(given);
  const bytesOf = (name: string) => {
    if (!changes.has(prefix + name)) return 0;
    const applying = changes.bytes(prefix + name);
    if (typeOf(source, name, options) === 'f32') return applying;
    const plain = sizeClass(4 * count(source.shape(prefix + name)));
    return plain + Math.max(applying, plain + weightBytes(source, [name], options)); // before; after, and as it shall be
  };
  return names.reduce((most, name) => Math.max(most, bytesOf(name)), 0);
}

/** The type in which a weight is loaded: what is to be changed comes as f32 first. */
export function firstType(source: WeightSource, name: string, options: WeightOptions): DType {
  const type = typeOf(source, name, options);
  const { prefix = '', changes } = options;
  const quantized = isQuantFormat(source.dtype(prefix + name).toLowerCase());
  return changes?.has(prefix + name) && !quantized ? 'f32' : type;
}

/** The type on the device of a weight of the spec. */
export function typeOf(
  source: WeightSource,
  name: string,
  { dtype = 'f32', prefix = '', linear, quantize }: WeightOptions,
): DType {
  const given = source.dtype(prefix + name).toLowerCase();
  if (isQuantFormat(given)) return given;
  const quantizes = quantize !== undefined && linear?.(name) && canQuantize(source.shape(prefix + name));
  return quantizes ? quantize : dtype;
}

/** Bytes of a tensor in the file. */
export function fileBytes(source: WeightSource, name: string): number {
  const type = source.dtype(name).toLowerCase();
  if (isQuantFormat(type)) return count(source.shape(name)) * BYTES[type];
  return (count(source.shape(name)) * bitsOf(source.dtype(name))) / 8;
}
