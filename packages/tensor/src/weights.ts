// Weights from a file to the device: checked against a model's list as a whole, then streamed piece by
// piece, converted on the way. What a file is, @moviegen/safetensors knows.
import { bytesToFloats, convertibleTypes, type DType, floatsToHalves } from '@moviegen/kernels';
import type { Device } from './device.ts';
import { count, Tensor } from './tensor.ts';

/** Where weights come from. `Safetensors` of @moviegen/safetensors is one. */
export interface WeightSource {
  names(): readonly string[];
  shape(name: string): readonly number[];
  /** Element type by its safetensors name: `F32`, `F16`, `BF16` ... */
  dtype(name: string): string;
  /** Raw little-endian bytes. */
  read(name: string, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>;
  /** The same in pieces of whole elements, where the source can: large tensors then need no more memory. */
  chunks?(name: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<Uint8Array>;
}

/** How far loading is. */
export interface WeightProgress {
  /** The tensor just loaded. */
  readonly name: string;
  /** Bytes read so far, and bytes in all, as in the file. */
  readonly bytes: number;
  readonly totalBytes: number;
}

/** Options of {@link loadWeights}. */
export interface WeightOptions {
  /** Type on the device, whatever the file has. Default f32. */
  readonly dtype?: DType;
  /** Put before every name of the spec to get the name in the source; names without it are not looked at. */
  readonly prefix?: string;
  /** Names of the spec that may be missing: the result then lacks them. */
  readonly optional?: Iterable<string>;
  /** Which tensors of the source, by name without the prefix, may go unused. Default: none. */
  readonly ignore?: (name: string) => boolean;
  readonly onProgress?: (progress: WeightProgress) => void;
  readonly signal?: AbortSignal;
}

/** A source does not hold what a model needs. The message lists every tensor at fault. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
}

// What the host has handed over but the device not yet copied counts as host memory.
const IN_FLIGHT_BYTES = 32 * 2 ** 20;

/**
 * Loads the tensors of `spec` (shapes by name) from a source, in the source's order, so that a file is
 * read from front to back. Host memory stays at a few pieces, or two tensors where the source has none.
 * @throws WeightsError before anything is read, listing all that is missing, extra, misshapen or of an
 *   unknown type; the signal's reason on abort. What was loaded by then is released.
 */
export async function loadWeights<Name extends string>(
  device: Device,
  source: WeightSource,
  spec: Readonly<Record<Name, readonly number[]>>,
  options: WeightOptions = {},
): Promise<Record<Name, Tensor>> {
  const { dtype = 'f32', prefix = '', onProgress, signal } = options;
  const names = checkWeights(source, spec, options);
  const sizes = names.map(
    (name) => count(source.shape(prefix + name)) * fileBytes(source.dtype(prefix + name)),
  );
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  const loaded = new Map<string, Tensor>();
  let bytes = 0;
  let inFlight = 0;
  try {
    for (const [i, name] of names.entries()) {
      signal?.throwIfAborted();
      const tensor = Tensor.empty(device, source.shape(prefix + name), dtype, name);
      loaded.set(name, tensor);
      let at = 0;
      for await (const piece of prefetched(pieces(source, prefix + name, signal))) {
        signal?.throwIfAborted();
        const converted = convert(piece, source.dtype(prefix + name), dtype);
        if (at + converted.length > tensor.bytes) throw tooLong(name);
        tensor.writeBytes(converted, at);
        at += converted.length;
        inFlight += converted.length;
        if (inFlight >= IN_FLIGHT_BYTES) {
          await device.sync();
          inFlight = 0;
        }
      }
      if (at !== tensor.bytes)
        throw new WeightsError(`weights: ${name} ends after ${at} of ${tensor.bytes} bytes`);
      bytes += sizes[i]!;
      onProgress?.({ name, bytes, totalBytes });
    }
    await device.sync();
    signal?.throwIfAborted();
    return Object.fromEntries(loaded) as Record<Name, Tensor>;
  } catch (error) {
    for (const tensor of loaded.values()) tensor.dispose();
    throw error;
  }
}

/** The spec's names that the source holds, in the source's order. @throws WeightsError. */
function checkWeights(
  source: WeightSource,
  spec: Readonly<Record<string, readonly number[]>>,
  { prefix = '', optional = [], ignore = () => false }: WeightOptions,
): string[] {
  const mayMiss = new Set(optional);
  const present = source.names().filter((name) => name.startsWith(prefix));
  const held = new Set(present);
  const wanted = new Map(Object.entries(spec));
  const missing = [...wanted].filter(([name]) => !held.has(prefix + name) && !mayMiss.has(name));
  const extra: string[] = [];
  const misshapen: string[] = [];
  const untyped: string[] = [];
  const names: string[] = [];
  for (const full of present) {
    const name = full.slice(prefix.length);
    const expected = wanted.get(name);
    const shape = source.shape(full);
    if (!expected) {
      if (!ignore(name)) extra.push(`${name} [${shape.join(', ')}]`);
      continue;
    }
    if (shape.length !== expected.length || shape.some((length, i) => length !== expected[i])) {
      misshapen.push(`${name} [${shape.join(', ')}], expected [${expected.join(', ')}]`);
    }
    if (!convertibleTypes.includes(source.dtype(full))) untyped.push(`${name} ${source.dtype(full)}`);
    names.push(name);
  }
  const faults = {
    missing: missing.map(([name, shape]) => `${name} [${shape.join(', ')}]`),
    extra,
    misshapen,
    'of a type that cannot be read': untyped,
  };
  const lists = Object.entries(faults).filter(([, list]) => list.length > 0);
  if (lists.length === 0) return names;
  const head = lists.map(([kind, list]) => `${list.length} ${kind}`).join(', ');
  const body = lists.map(([kind, list]) => `  ${kind}:${list.map((line) => `\n    ${line}`).join('')}`);
  throw new WeightsError(`weights: ${head}\n${body.join('\n')}`);
}

async function* pieces(source: WeightSource, name: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const options = signal ? { signal } : {};
  if (source.chunks) yield* source.chunks(name, options);
  else yield await source.read(name, options);
}

/** Asks for the next piece before the present one is used, so that reading and uploading overlap. */
async function* prefetched<T>(items: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = items.next();
  try {
    for (let item = await next; !item.done; item = await next) {
      next = items.next();
      next.catch(() => undefined); // thrown where it is awaited, unless the consumer stops before
      yield item.value;
    }
  } finally {
    items.return(undefined).catch(() => undefined);
  }
}

function convert(piece: Uint8Array, from: string, to: DType): Uint8Array<ArrayBuffer> {
  if (from.toLowerCase() === to) return piece as Uint8Array<ArrayBuffer>;
  const floats = bytesToFloats(piece, from);
  if (to === 'f32') return new Uint8Array(floats.buffer);
  if (to === 'f16') return new Uint8Array(floatsToHalves(floats).buffer);
  const integers = to === 'i32' ? Int32Array.from(floats) : Uint32Array.from(floats);
  return new Uint8Array(integers.buffer);
}

/** Bytes of an element in the file: the digits of the type's name are its bits. */
function fileBytes(type: string): number {
  const bits = Number(/\d+/.exec(type)?.[0] ?? 8);
  return bits / 8;
}

function tooLong(name: string): WeightsError {
  return new WeightsError(`weights: ${name} has more bytes than its shape says`);
}
