// One safetensors file: its header is read and checked when it is opened, tensors when they are asked for.

import type { SafetensorsDType } from './dtypes.ts';
import { quoted, SafetensorsError, withoutSecrets } from './errors.ts';
import { foreignFile, isPage } from './foreign.ts';
import { type Header, headerLength, LENGTH_BYTES, parseHeader, type TensorInfo } from './header.ts';
import { type HttpOptions, httpSource } from './http.ts';
import { type PieceOptions, piecesOf, type TensorPiece, type TensorSpan } from './pieces.ts';
import { type ByteSource, blobSource, memorySource, type ReadOptions, type SourceLike } from './source.ts';

/** Options of {@link Safetensors.open}. Those of HTTP matter only for an address. */
export type OpenOptions = HttpOptions;

/** Options of reading in pieces. */
export interface ChunkOptions extends ReadOptions {
  /** Bytes of a piece at most; a multiple of 8 keeps elements whole. Default 16 MiB. */
  readonly chunkBytes?: number;
}

/** What a file, a set of shards and files of other formats offer. It is the `WeightSource` of `@moviegen/tensor`. */
export interface TensorSource {
  /** The name of the file, or of the index of several, in messages. */
  readonly label: string;
  /** Free text beside the tensors. It has no prototype: any key is safe. */
  readonly metadata: Readonly<Record<string, string>>;
  /** All names, in the order of the data. */
  names(): string[];
  /** Whether there is a tensor of this name. */
  has(name: string): boolean;
  /** Outermost axis first, as in PyTorch. */
  shape(name: string): readonly number[];
  /** Element type: in files of safetensors one of theirs, elsewhere also one of blocks. */
  dtype(name: string): string;
  /** Bytes of a tensor in the file. */
  byteLength(name: string): number;
  /** The raw little-endian bytes of one tensor, at the start of a buffer of their own. */
  read(name: string, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** Some of these bytes, `start` up to `end` (exclusive). */
  range(name: string, start: number, end: number, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** The same in pieces, so that memory stays flat however large a tensor is. */
  chunks(name: string, options?: ChunkOptions): AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /**
   * The bytes of many tensors, fast where they are asked for in the order of the data: small ones share a read, and
   * reading goes on while a piece is used. Tensors without bytes are passed over.
   */
  pieces(names: readonly string[], options?: PieceOptions): AsyncGenerator<TensorPiece>;
  /** Gives back what the sources hold: files that are open. */
  close(): Promise<void>;
}

/**
 * A safetensors file, open for reading.
 *
 * ```ts
 * const file = await Safetensors.open(await fetch(url).then((r) => r.arrayBuffer()));
 * file.names();                          // ['layers.0.attention.wq.weight', ...]
 * const bytes = await file.read(name);   // Uint8Array
 * ```
 */
export class Safetensors implements TensorSource {
  readonly metadata: Readonly<Record<string, string>>;
  /** All tensors, in the order of the data. */
  readonly tensors: readonly TensorInfo[];
  /** Bytes of the whole file. */
  readonly fileBytes: number;
  /** The file's name in messages. */
  readonly label: string;
  readonly #source: ByteSource;
  readonly #byName: ReadonlyMap<string, TensorInfo>;

  private constructor(source: ByteSource, header: Header) {
    this.#source = source;
    this.metadata = header.metadata;
    this.tensors = header.tensors;
    this.fileBytes = source.byteLength;
    this.label = source.label;
    this.#byName = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  }

  /**
   * Reads and checks the header of a file; no tensor is read.
   * @param source bytes, a Blob or File, an http(s) address, or any {@link ByteSource}; a file of Node's by
   *   `openFile` of `@moviegen/safetensors/node`
   * @throws SafetensorsError where a rule of the format is broken or the source fails
   */
  static async open(source: SourceLike, options: OpenOptions = {}): Promise<Safetensors> {
    const bytes = await toSource(source, options);
    const where = { op: 'open', source: bytes.label };
    const { signal } = options;
    try {
      const first = await bytes.read(0, Math.min(LENGTH_BYTES, bytes.byteLength), signal);
      const length = headerLength(first, bytes.byteLength, where);
      const header = await bytes.read(LENGTH_BYTES, LENGTH_BYTES + length, signal);
      return new Safetensors(bytes, parseHeader(header, bytes.byteLength, where));
    } catch (error) {
      const known = error instanceof SafetensorsError;
      const kind = known ? await otherKind(bytes).catch(() => undefined) : undefined;
      await bytes.close();
      if (kind === undefined) throw error;
      throw new SafetensorsError({
        ...where,
        what: `this is not a safetensors file: ${kind.what}`,
        absent: kind.page,
      });
    }
  }

  names(): string[] {
    return this.tensors.map((tensor) => tensor.name);
  }

  /** Whether the file has a tensor of this name. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** @throws SafetensorsError where there is no such tensor */
  shape(name: string): readonly number[] {
    return this.#info(name).shape;
  }

  /** @throws SafetensorsError where there is no such tensor */
  dtype(name: string): SafetensorsDType {
    return this.#info(name).dtype;
  }

  /** @throws SafetensorsError where there is no such tensor */
  byteLength(name: string): number {
    return this.#info(name).byteLength;
  }

  /** @throws SafetensorsError where there is no such tensor or the source fails */
  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { start, byteLength } = this.#info(name);
    return this.#source.read(start, start + byteLength, options.signal);
  }

  /** @throws SafetensorsError where there is no such tensor, the range is not inside of it, or the source fails */
  async range(
    name: string,
    start: number,
    end: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const info = this.#info(name);
    if (!(start >= 0 && start <= end && end <= info.byteLength))
      throw new SafetensorsError({
        op: 'read',
        source: this.label,
        what: `no such bytes of ${quoted(name)}`,
        got: `${start} to ${end}`,
        expected: `a range within 0 to ${info.byteLength}`,
      });
    return this.#source.read(info.start + start, info.start + end, options.signal);
  }

  /** @throws SafetensorsError where there is no such tensor or the source fails */
  async *chunks(
    name: string,
    { chunkBytes = 2 ** 24, signal }: ChunkOptions = {},
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { start, byteLength } = this.#info(name);
    for (let at = 0; at < byteLength; at += chunkBytes) {
      yield await this.#source.read(start + at, start + Math.min(at + chunkBytes, byteLength), signal);
    }
  }

  /** @throws SafetensorsError where there is no such tensor or the source fails */
  pieces(names: readonly string[], options: PieceOptions = {}): AsyncGenerator<TensorPiece> {
    return piecesOf(
      names.map((name) => this.place(name)),
      options,
    );
  }

  /** Where a tensor's bytes are. @throws SafetensorsError where there is no such tensor */
  place(name: string): TensorSpan {
    const { start, byteLength } = this.#info(name);
    return { name, source: this.#source, start, byteLength };
  }

  /** Gives the source back: a file of Node's is closed. */
  async close(): Promise<void> {
    await this.#source.close();
  }

  #info(name: string): TensorInfo {
    const found = this.#byName.get(name);
    if (found) return found;
    const expected = `one of its ${this.tensors.length} names`;
    throw new SafetensorsError({
      op: 'read',
      source: this.label,
      what: 'no such tensor',
      got: quoted(name),
      expected,
    });
  }
}

/** What a file is that cannot be opened, where it is recognised as something else. */
async function otherKind(source: ByteSource): Promise<{ what: string; page: boolean } | undefined> {
  const first = await source.read(0, Math.min(512, source.byteLength));
  const what = first[LENGTH_BYTES] === 0x7b ? undefined : foreignFile(first);
  return what === undefined ? undefined : { what, page: isPage(first) };
}

/** Whatever a caller may give, as a source. */
export async function toSource(source: SourceLike, options: OpenOptions = {}): Promise<ByteSource> {
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return memorySource(source);
  if (source instanceof Blob) return blobSource(source);
  if (typeof source !== 'string' && !(source instanceof URL)) return source;
  let url: URL;
  try {
    url = new URL(source);
  } catch {
    // Without the cause, which holds the text: there may be a password in it.
    const expected = 'an http(s) address; open a file with openFile of @moviegen/safetensors/node';
    const got = quoted(withoutSecrets(String(source)));
    throw new SafetensorsError({ op: 'open', what: 'Invalid URL', got, expected });
  }
  const opened = await httpSource(url, options);
  if (opened) return opened;
  throw new SafetensorsError({
    op: 'open',
    source: `${url.origin}${url.pathname}`,
    what: 'there is no such file',
    got: 'status 404',
  });
}
