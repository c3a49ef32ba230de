// One GGUF file: its header is read and checked when it is opened, tensors when they are asked for. It offers what a safetensors file
// does, except that elements may lie in blocks.
import {
  type ByteSource,
  type ChunkOptions,
  type OpenOptions,
  type PieceOptions,
  piecesOf,
  quoted,
  type ReadOptions,
  type SourceLike,
  type TensorPiece,
  type TensorSource,
  toSource,
} from '@moviegen/safetensors';
import type { GgufValue } from './cursor.ts';
import { GgufError } from './errors.ts';
import { type GgufHeader, type GgufTensor, parseHeader } from './header.ts';

/** Options of {@link Gguf.open}. Those of HTTP matter only for an address. */
export interface GgufOptions extends OpenOptions {
  /** The values of `general.architecture` that are wanted; a file without one passes. Default: any. */
  readonly architectures?: readonly string[];
}

/** Bytes that are read for a header at first: enough where there is no vocabulary in it. */
const FIRST_BYTES = 2 ** 20;
/** Most bytes of a header. */
const MAX_HEADER_BYTES = 2 ** 27;

/**
 * A GGUF file, open for reading.
 *
 * ```ts
 * const file = await Gguf.open(url);
 * file.dtype('blocks.0.ffn.0.weight');   // Q4_K
 * ```
 */
export class Gguf implements TensorSource {
  /** The file's name in messages. */
  readonly label: string;
  /** The metadata as texts; long arrays are only counted. */
  readonly metadata: Readonly<Record<string, string>>;
  /** All tensors, in the order of the data. */
  readonly tensors: readonly GgufTensor[];
  readonly #source: ByteSource;
  readonly #byName: ReadonlyMap<string, GgufTensor>;

  private constructor(source: ByteSource, { metadata, tensors }: GgufHeader) {
    this.#source = source;
    this.label = source.label;
    this.tensors = tensors;
    this.metadata = Object.freeze(
      Object.assign(
        Object.create(null),
        Object.fromEntries([...metadata].map(([key, value]) => [key, textOf(value)])),
      ),
    );
    this.#byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  }

  /**
   * Reads and checks the header of a file; no tensor is read.
   * @param source bytes, a Blob or File, an http(s) address, or any `ByteSource` of @moviegen/safetensors
   * @throws GgufError where a rule of the format is broken or a type is not read; SafetensorsError where the source fails
   */
  static async open(source: SourceLike, options: GgufOptions = {}): Promise<Gguf> {
    const { architectures, signal } = options;
    const bytes = await toSource(source, options);
    try {
      let header: GgufHeader | undefined;
      for (let size = FIRST_BYTES; header === undefined; size *= 4) {
        if (size > MAX_HEADER_BYTES)
          throw new GgufError({ op: 'open', source: bytes.label, what: 'the header is too large' });
        const length = Math.min(size, bytes.byteLength);
        header = parseHeader(await bytes.read(0, length, signal), bytes.byteLength, bytes.label);
      }
      const architecture = header.metadata.get('general.architecture');
      if (architectures && architecture !== undefined && !architectures.includes(String(architecture)))
        throw new GgufError({
          op: 'open',
          source: bytes.label,
          what: 'the file holds another model',
          got: `general.architecture ${quoted(String(architecture))}`,
          expected: architectures.join(' or '),
        });
      return new Gguf(bytes, header);
    } catch (error) {
      await bytes.close();
      throw error;
    }
  }

  names(): string[] {
    return this.tensors.map(({ name }) => name);
  }

  /** Whether the file has a tensor of this name. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Outermost axis first, as in PyTorch. @throws GgufError where there is no such tensor */
  shape(name: string): readonly number[] {
    return this.#tensor(name).shape;
  }

  /** ggml's name of the type: `F16`, `Q8_0` ... @throws GgufError where there is no such tensor */
  dtype(name: string): string {
    return this.#tensor(name).dtype;
  }

  /** @throws GgufError where there is no such tensor */
  byteLength(name: string): number {
    return this.#tensor(name).byteLength;
  }

  /** The raw bytes, blocks as they are. @throws GgufError where there is no such tensor; SafetensorsError where the source fails */
  async read(name: string, { signal }: ReadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { start, byteLength } = this.#tensor(name);
    return this.#source.read(start, start + byteLength, signal);
  }

  /** Some of these bytes, `start` up to `end` (exclusive). @throws as `read`, and where they are not inside of the tensor */
  async range(
    name: string,
    start: number,
    end: number,
    { signal }: ReadOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const tensor = this.#tensor(name);
    if (!(start >= 0 && start <= end && end <= tensor.byteLength))
      throw new GgufError({
        op: 'read',
        source: this.label,
        what: `no such bytes of ${quoted(name)}`,
        got: `${start} to ${end}`,
        expected: `a range within 0 to ${tensor.byteLength}`,
      });
    return this.#source.read(tensor.start + start, tensor.start + end, signal);
  }

  /** The same in pieces of whole blocks. */
  async *chunks(
    name: string,
    { chunkBytes = 2 ** 24, signal }: ChunkOptions = {},
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for await (const { data } of this.pieces([name], { pieceBytes: chunkBytes, ...(signal && { signal }) }))
      yield data.slice();
  }

  /** The bytes of many tensors in pieces of whole blocks. */
  pieces(names: readonly string[], options: PieceOptions = {}): AsyncGenerator<TensorPiece> {
    const spans = names.map((name) => ({ ...this.#tensor(name), source: this.#source }));
    return piecesOf(spans, options);
  }

  /** Gives the source back: a file of Node's is closed. */
  async close(): Promise<void> {
    await this.#source.close();
  }

  #tensor(name: string): GgufTensor {
    const found = this.#byName.get(name);
    if (found) return found;
    const expected = `one of its ${this.tensors.length} names`;
    throw new GgufError({
      op: 'read',
      source: this.label,
      what: 'no such tensor',
      got: quoted(name),
      expected,
    });
  }
}

const textOf = (value: GgufValue): string =>
  typeof value !== 'object'
    ? String(value)
    : Array.isArray(value)
      ? `[${value.join(', ')}]`
      : `an array of ${value.length}`;
