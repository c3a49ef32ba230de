// Weights from a file to the device: checked against a model's list as a whole, then streamed piece by
// piece, converted on the way. What a file is, @moviegen/safetensors knows.
import { type DType, isQuantFormat, type QuantFormat } from '@moviegen/kernels';
import { changed, type WeightChanges } from './changes.ts';
import type { Device } from './device.ts';
import { tooLong } from './filling.ts';
import { Fillings } from './fillings.ts';
import { quantizedSource } from './quantizedSource.ts';
import type { Tensor } from './tensor.ts';
import { UPLOAD_BYTES, Uploads } from './uploads.ts';
import { checkWeights, WeightsError } from './weightCheck.ts';
import { fileBytes, typeOf } from './weightTypes.ts';

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
  pieces?(names: readonly string[], options?: WeightPieceOptions): AsyncIterable<WeightPiece>;
}

/** What a load tells its source. */
export interface WeightPieceOptions {
  readonly signal?: AbortSignal;
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
  /**
   * Bytes that the host may have handed over, and the device not yet copied, when the next are handed over, 4 MiB at
   * most: host memory. Default 16 MiB.
   */
  readonly uploadBytes?: number;
  /** Told after every piece; what it gives is waited for. */
  readonly onProgress?: (progress: WeightProgress) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** Bytes of a file that are handed over in one go. A float has at most four times as many as in the file. */
const SLICE_BYTES = 2 ** 20;

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
  const fillings = new Fillings(device, source, names, options);
  const uploads = new Uploads(device, uploadBytes);
  const merged = new Map<string, Tensor>();
  const began = performance.now();
  let bytes = 0;
  try {
    signal?.throwIfAborted();
    const full = names.map((name) => prefix + name);
    for await (const { name: fullName, offset, data } of piecesOf(source, full, signal ? { signal } : {})) {
      signal?.throwIfAborted();
      const name = fullName.slice(prefix.length);
      if (merged.has(name)) {
        if (data.length === 0) continue;
        throw tooLong(name);
      }
      const filling = fillings.of(name);
      // Only the parts of quantised weights come from several places of a file.
      const place = isQuantFormat(source.dtype(fullName).toLowerCase()) ? offset : undefined;
      for (let at = 0; at < data.length; at += SLICE_BYTES) {
        const slice = data.subarray(at, at + SLICE_BYTES) as Uint8Array<ArrayBuffer>;
        await uploads.add(filling.write(slice, place === undefined ? place : place + at));
        signal?.throwIfAborted();
      }
      bytes += data.length;
      if (changes?.has(fullName) && filling.full) {
        fillings.forget(name);
        const type = typeOf(source, name, options);
        merged.set(name, await changed(changes, fullName, filling.tensor, type, signal));
      }
      const bytesPerSecond = (1000 * bytes) / (performance.now() - began);
      await onProgress?.({ name, bytes, totalBytes, bytesPerSecond });
      signal?.throwIfAborted();
    }
    for (const name of names) if (!merged.has(name)) fillings.of(name).finish();
    await uploads.finish();
    signal?.throwIfAborted();
    const tensorOf = (name: string) => merged.get(name) ?? fillings.of(name).tensor;
    return Object.fromEntries(names.map((name) => [name, tensorOf(name)])) as Record<Name, Tensor>;
  } catch (error) {
    fillings.dispose();
    for (const tensor of merged.values()) tensor.dispose();
    throw error;
  } finally {
    fillings.close();
  }
}

async function* piecesOf(
  source: WeightSource,
  names: readonly string[],
  options: WeightPieceOptions,
): AsyncGenerator<WeightPiece> {
  if (source.pieces) yield* source.pieces(names, options);
  else for (const name of names) yield { name, data: await source.read(name, options) };
}
