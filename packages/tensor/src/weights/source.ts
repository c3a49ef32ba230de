// The words that everything about loading weights shares: the source of the bytes, the options of a load, its error.
// Nothing here reads a file or knows a device.
import { bytesToFloats, type DType, type QuantFormat } from '@moviegen/kernels';
import type { WeightChanges } from './changes.ts';

/** Where weights come from. `Safetensors` of @moviegen/safetensors is one. */
export interface WeightSource {
  names(): readonly string[];
  shape(name: string): readonly number[];
  /** Element type by its safetensors name: `F32`, `F16`, `BF16` ... */
  dtype(name: string): string;
  /**
   * A number by which all elements of a tensor are multiplied after they are read, where a file keeps one apart from them
   * (fp8, `scaledSource`).
   */
  scale?(name: string): number | undefined;
  /** Raw little-endian bytes. */
  read(name: string, options?: WeightPieceOptions): Promise<Uint8Array>;
  /** Some of these bytes, `start` up to `end` (exclusive), for sources that can read them alone. */
  range?(name: string, start: number, end: number, options?: WeightPieceOptions): Promise<Uint8Array>;
  /**
   * The bytes of many tensors in this order, for sources that can read ahead: in pieces of whole elements, one tensor
   * after the other. A piece belongs to the caller only until the next one is asked for. A tensor without bytes may
   * have no piece.
   */
  pieces?(names: readonly string[], options?: WeightPieceOptions): AsyncIterable<WeightPiece>;
}

/** Options of reading from a source. */
export interface WeightPieceOptions {
  readonly signal?: AbortSignal;
}

/** Some bytes of a tensor. */
export interface WeightPiece {
  readonly name: string;
  /** Where in the tensor the bytes begin; by default after the bytes of the piece before. */
  readonly offset?: number;
  readonly data: Uint8Array;
}

/** The bytes of tensors in this order: in pieces where the source has them, otherwise one tensor at a time. */
export async function* piecesOf(
  source: WeightSource,
  names: readonly string[],
  options: WeightPieceOptions = {},
): AsyncGenerator<WeightPiece> {
  if (source.pieces) yield* source.pieces(names, options);
  else for (const name of names) yield { name, data: await source.read(name, options) };
}

/** The numbers of a tensor on the host, whatever type and scale it has in the file. */
export async function readFloats(
  source: WeightSource,
  name: string,
  options: WeightPieceOptions = {},
): Promise<Float32Array<ArrayBuffer>> {
  return scaled(bytesToFloats(await source.read(name, options), source.dtype(name)), source.scale?.(name));
}

/** Multiplies numbers in place, rounding once. */
export function scaled(numbers: Float32Array<ArrayBuffer>, scale = 1): Float32Array<ArrayBuffer> {
  if (scale !== 1) for (let i = 0; i < numbers.length; i++) numbers[i]! *= scale;
  return numbers;
}

/** How far a load has come. */
export interface WeightProgress {
  /** The tensor being loaded. */
  readonly name: string;
  /** Bytes read so far, and bytes in total, as in the file. */
  readonly bytes: number;
  readonly totalBytes: number;
  /** Bytes per second since loading began. */
  readonly bytesPerSecond: number;
}

/** Type of tensors that are not quantised. */
export type PlainType = Exclude<DType, QuantFormat>;

/** Options of `loadWeights`. */
export interface WeightOptions {
  /** Type on the device, whatever type the file has; quantised weights stay as they are. Default f32. */
  readonly dtype?: PlainType;
  /** Which weights are f32 whatever `dtype` says, by name without the prefix; quantised weights stay as they are. */
  readonly inF32?: (name: string) => boolean;
  /** Which weights, by name without the prefix, a linear layer packs: only these may be quantised. Default: none. */
  readonly linear?: (name: string) => boolean;
  /** Quantises these weights while they are loaded, where the file has them plain and their rows are whole blocks. */
  readonly quantize?: QuantFormat | undefined;
  /** Changes to merge into weights while they are loaded, by name with the prefix: `loraChanges`. */
  readonly changes?: WeightChanges | undefined;
  /** Put before every name of the spec to get the name in the source; names without it are ignored. */
  readonly prefix?: string;
  /** Names of the spec that may be missing: the result then lacks them. */
  readonly optional?: Iterable<string>;
  /** Which tensors of the source, by name without the prefix, may go unused. Default: none. */
  readonly ignore?: (name: string) => boolean;
  /**
   * Bytes that may be written but not yet copied by the device when more are written, 4 MiB at most at a time. They
   * occupy host memory. Default 16 MiB.
   */
  readonly uploadBytes?: number;
  /** Called after every piece; a promise that it returns is awaited. */
  readonly onProgress?: (progress: WeightProgress) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** Weights do not fit the model that needs them. The message names the first tensors at fault, {@link faults} all. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';

  /** Every tensor at fault, one line each, by the kind of fault: `missing`, `extra`, `misshapen` ... */
  readonly faults: Readonly<Record<string, readonly string[]>>;

  constructor(
    message: string,
    { faults = {}, ...options }: ErrorOptions & Partial<Pick<WeightsError, 'faults'>> = {},
  ) {
    super(message, options);
    this.faults = faults;
  }
}
