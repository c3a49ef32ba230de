// Weights from a file to the device: checked against a model's list as a whole, then streamed piece by
// piece, converted on the way. What a file is, @moviegen/safetensors knows.
import {
  BYTES,
  bytesToFloats,
  canQuantize,
  type DType,
  floatsToHalves,
  isQuantFormat,
  type QuantFormat,
} from '@moviegen/kernels';
import { changed, type WeightChanges } from './changes.ts';
import type { Device } from './device.ts';
import { Filling, QuantizedFilling } from './filling.ts';
import { sizeClass } from './pool.ts';
import { quantizedSource } from './quantizedSource.ts';
import { keep } from './scope.ts';
import { count, Tensor } from './tensor.ts';
import { Uploads } from './uploads.ts';
import { checkWeights, WeightsError } from './weightCheck.ts';

/** Where weights come from. `Safetensors` of @moviegen/safetensors is one. */
export interface WeightSource {
  names(): readonly string[];
  shape(name: string): readonly number[];
  /** Element type by its safetensors name: `F32`, `F16`, `BF16` ... */
  dtype(name: string): string;
  /** Raw little-endian bytes. */
  read(name: string, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>;
  /**
   * The bytes of many tensors in this order, where the source can: in pieces of whole elements, a tensor's one after
   * the other, read ahead. A piece is the caller's only until the next one is asked for. A tensor without bytes may
   * have no piece.
   */
  pieces?(names: readonly string[], options?: { readonly signal?: AbortSignal }): AsyncIterable<WeightPiece>;
}

/** Some bytes of a tensor. */
export interface WeightPiece {
  readonly name: string;
  /** Where in the tensor the bytes begin; by default behind those before. */
  readonly offset?: number;
  readonly data: Uint8Array;
}

/** How far loading is. */
export interface WeightProgress {
  /** The tensor being loaded. */
  readonly name: string;
  /** Bytes read so far, and bytes in all, as in the file. */
  readonly bytes: number;
  readonly totalBytes: number;
  /** Bytes a second since loading began. */
  readonly bytesPerSecond: number;
}

/** Type of tensors that are not quantised. */
export type PlainType = Exclude<DType, QuantFormat>;

/** Options of {@link loadWeights}. */
export interface WeightOptions {
  /** Type on the device, whatever the file has; quantised weights stay as they are. Default f32. */
  readonly dtype?: PlainType;
  /** Which weights, by name without the prefix, a linear layer packs: only these may be quantised. Default: none. */
  readonly linear?: (name: string) => boolean;
  /** Quantises those on the way, where the file has them plain and they are made of whole blocks. */
  readonly quantize?: QuantFormat | undefined;
  /** Changes of weights, by name with the prefix, to merge on the way: {@link loraChanges}. */
  readonly changes?: WeightChanges | undefined;
  /** Put before every name of the spec to get the name in the source; names without it are not looked at. */
  readonly prefix?: string;
  /** Names of the spec that may be missing: the result then lacks them. */
  readonly optional?: Iterable<string>;
  /** Which tensors of the source, by name without the prefix, may go unused. Default: none. */
  readonly ignore?: (name: string) => boolean;
  /** Bytes that the host may hand over before the device has copied them: host memory. Default 16 MiB. */
  readonly uploadBytes?: number;
  /** Told after every piece. */
  readonly onProgress?: (progress: WeightProgress) => void;
  readonly signal?: AbortSignal;
}

const UPLOAD_BYTES = 16 * 2 ** 20;

/**
 * Loads the tensors of `spec` (shapes by name) from a source, in the source's order, so that a file is
 * read from front to back. Host memory stays at a few pieces, or two tensors where the source has none.
 * Quantised weights (quantizedSource.ts) come under their plain names, as tensors of type q8 or q4.
 * The tensors are the caller's, whatever scope is open.
 * @throws WeightsError before anything is read, listing all that is missing, extra, misshapen or of an
 *   unknown type; the signal's reason on abort. What was loaded by then is released.
 */
export async function loadWeights<Name extends string>(
  device: Device,
  given: WeightSource,
  spec: Readonly<Record<Name, readonly number[]>>,
  options: WeightOptions = {},
): Promise<Record<Name, Tensor>> {
  const { dtype = 'f32', prefix = '', uploadBytes = UPLOAD_BYTES, changes, onProgress, signal } = options;
  const source = quantizedSource(given);
  const names = checkWeights(source, spec, options);
  if (dtype === 'f16' && !device.target.f16)
    throw new WeightsError(`weights: this adapter has no f16 (${device.info.description}): use f32`);
  const totalBytes = names.reduce((sum, name) => sum + fileBytes(source, prefix + name), 0);
  const fillings = new Map<string, Filling | QuantizedFilling>();
  const fillingOf = (name: string) => {
    const open = fillings.get(name);
    if (open) return open;
    const type = firstType(source, name, options);
    const tensor = keep(Tensor.empty(device, source.shape(prefix + name), type, name));
    const quantizes = isQuantFormat(type) && !isQuantFormat(source.dtype(prefix + name).toLowerCase());
    const filling = quantizes ? new QuantizedFilling(tensor, type) : new Filling(tensor);
    fillings.set(name, filling);
    return filling;
  };
  const uploads = new Uploads(device, uploadBytes);
  const converters = { [dtype]: converter(dtype), f32: converter('f32') };
  const merged = new Map<string, Tensor>();
  const began = performance.now();
  let bytes = 0;
  try {
    signal?.throwIfAborted();
    const full = names.map((name) => prefix + name);
    for await (const { name: fullName, offset, data } of piecesOf(source, full, signal)) {
      signal?.throwIfAborted();
      const name = fullName.slice(prefix.length);
      const filling = fillingOf(name);
      const from = source.dtype(fullName);
      let written: number;
      if (filling instanceof QuantizedFilling) written = filling.write(bytesToFloats(data, from));
      else if (isQuantFormat(from.toLowerCase()))
        written = filling.write(data as Uint8Array<ArrayBuffer>, offset);
      else written = filling.write(converters[filling.tensor.dtype]!(data, from));
      bytes += data.length;
      await uploads.add(written);
      if (changes?.has(fullName) && filling instanceof Filling && filling.full) {
        fillings.delete(name);
        const type = typeOf(source, name, options);
        merged.set(name, await changed(changes, fullName, filling.tensor, type, signal));
      }
      const bytesPerSecond = (1000 * bytes) / (performance.now() - began);
      onProgress?.({ name, bytes, totalBytes, bytesPerSecond });
      signal?.throwIfAborted();
    }
    for (const name of names) if (!merged.has(name)) fillingOf(name).finish();
    await uploads.finish();
    signal?.throwIfAborted();
    const tensorOf = (name: string) => merged.get(name) ?? fillingOf(name).tensor;
    return Object.fromEntries(names.map((name) => [name, tensorOf(name)])) as Record<Name, Tensor>;
  } catch (error) {
    for (const { tensor } of fillings.values()) tensor.dispose();
    for (const tensor of merged.values()) tensor.dispose();
    throw error;
  }
}

/** Bytes that weights of a source, by name without the prefix, take on the device, the pool's rounding included. */
export function weightBytes(given: WeightSource, names: readonly string[], options: WeightOptions): number {
  const source = quantizedSource(given);
  const bytesOf = (name: string) =>
    sizeClass(count(source.shape((options.prefix ?? '') + name)) * BYTES[typeOf(source, name, options)]);
  return names.reduce((sum, name) => sum + bytesOf(name), 0);
}

/** The type in which a weight is loaded: what is to be changed comes as f32 first. */
function firstType(source: WeightSource, name: string, options: WeightOptions): DType {
  const type = typeOf(source, name, options);
  const { prefix = '', changes } = options;
  const quantized = isQuantFormat(source.dtype(prefix + name).toLowerCase());
  return changes?.has(prefix + name) && !quantized ? 'f32' : type;
}

/** The type on the device of a weight of the spec. */
function typeOf(
  source: WeightSource,
  name: string,
  { dtype = 'f32', prefix = '', linear, quantize }: WeightOptions,
): DType {
  const given = source.dtype(prefix + name).toLowerCase();
  if (isQuantFormat(given)) return given;
  const quantizes = quantize !== undefined && linear?.(name) && canQuantize(source.shape(prefix + name));
  return quantizes ? quantize : dtype;
}

async function* piecesOf(
  source: WeightSource,
  names: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<WeightPiece> {
  const options = signal ? { signal } : {};
  if (source.pieces) yield* source.pieces(names, options);
  else for (const name of names) yield { name, data: await source.read(name, options) };
}

/** Converts bytes of a file to those of a type. The result is the caller's until the next call. */
function converter(to: PlainType): (piece: Uint8Array, from: string) => Uint8Array<ArrayBuffer> {
  let scratch = new ArrayBuffer(0);
  return (piece, from) => {
    if (from.toLowerCase() === to) return piece as Uint8Array<ArrayBuffer>;
    const most = (32 * piece.length) / bitsOf(from);
    if (scratch.byteLength < most && most <= SCRATCH_BYTES) scratch = new ArrayBuffer(most);
    const floats = bytesToFloats(piece, from, scratch);
    if (to === 'f32') return new Uint8Array(floats.buffer, 0, floats.byteLength);
    if (to === 'f16') return new Uint8Array(floatsToHalves(floats).buffer);
    const integers = to === 'i32' ? Int32Array.from(floats) : Uint32Array.from(floats);
    return new Uint8Array(integers.buffer);
  };
}

const SCRATCH_BYTES = 16 * 2 ** 20;

/** The digits of a type's name are its bits: `F32`, `BF16`, `F8_E4M3`; `BOOL` has none. */
const bitsOf = (type: string): number => Number(/\d+/.exec(type)?.[0] ?? 8);

/** Bytes of a tensor in the file. */
function fileBytes(source: WeightSource, name: string): number {
  const type = source.dtype(name).toLowerCase();
  if (isQuantFormat(type)) return count(source.shape(name)) * BYTES[type];
  return (count(source.shape(name)) * bitsOf(source.dtype(name))) / 8;
}
