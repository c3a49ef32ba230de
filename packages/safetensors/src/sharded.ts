// A checkpoint in several files, described by its `*.safetensors.index.json`. Opening it reads the headers of all shards
// and compares them with the index; one error lists all disagreements.

import type { SafetensorsDType } from './dtypes.ts';
import { counted, isAbsent, messageOf, quoted, SafetensorsError } from './errors.ts';
import { foreignFile, isPage } from './foreign.ts';
import { type Json, parseJson } from './json.ts';
import { type PieceOptions, piecesOf, type TensorPiece } from './pieces.ts';
import { type ChunkOptions, Safetensors, type TensorSource, toSource } from './safetensors.ts';
import type { ByteSource, ReadOptions, SourceLike } from './source.ts';

/** Finds a file of a checkpoint by its plain name; undefined if there is none. */
export interface OpenFile {
  (name: string, signal?: AbortSignal): Promise<ByteSource | undefined>;
  /** The names of all files, where they can be listed. */
  list?(): Promise<readonly string[]>;
}

/** Limit on the size of an index: the same as the official limit on headers. */
const MAX_INDEX_BYTES = 100_000_000;
/** How many disagreements one error lists. */
const MOST_LISTED = 20;

/** An index: the metadata, and the file name of each tensor. */
export interface ShardIndex {
  readonly metadata: Readonly<Record<string, string>>;
  readonly files: ReadonlyMap<string, string>;
}

/** A checkpoint of several files, open for reading. */
export class ShardedSafetensors implements TensorSource {
  /** The index's name in messages. */
  readonly label: string;
  readonly #byName: ReadonlyMap<string, Safetensors>;

  private constructor(
    readonly metadata: Readonly<Record<string, string>>,
    /** Shards by file name. */
    readonly shards: ReadonlyMap<string, Safetensors>,
    byName: ReadonlyMap<string, Safetensors>,
    label: string,
  ) {
    this.#byName = byName;
    this.label = label;
  }

  /**
   * Opens an index and the header of each of its shards.
   * @param index the `*.index.json`
   * @param resolve opens a shard by the plain file name that the index gives
   * @throws SafetensorsError that lists missing shards and all disagreements between index and shards
   */
  static async open(
    index: SourceLike,
    resolve: OpenFile,
    { signal }: ReadOptions = {},
  ): Promise<ShardedSafetensors> {
    const { parsed, label } = await readIndex(index, signal);
    const shards = new Map<string, Safetensors>();
    const problems = wrongCounts(new Set(parsed.files.values()));
    try {
      for (const file of new Set(parsed.files.values())) {
        const source = await resolve(file, signal).catch((error: unknown) => {
          if (isAbsent(error)) return undefined;
          throw error;
        });
        if (source) shards.set(file, await Safetensors.open(source, { signal }));
        else problems.push(`shard ${quoted(file)} is missing`);
      }
      const byName = match(parsed.files, shards, problems);
      if (problems.length > 0) throw disagreement(label, problems);
      return new ShardedSafetensors(parsed.metadata, shards, byName, label);
    } catch (error) {
      await closeAll(shards);
      throw error;
    }
  }

  names(): string[] {
    return [...this.#byName.keys()];
  }

  /** Whether a shard has a tensor of this name. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Outermost axis first, as in PyTorch. @throws SafetensorsError where there is no such tensor */
  shape(name: string): readonly number[] {
    return this.#shard(name).shape(name);
  }

  dtype(name: string): SafetensorsDType {
    return this.#shard(name).dtype(name);
  }

  /** Bytes of a tensor in its shard. @throws SafetensorsError where there is no such tensor */
  byteLength(name: string): number {
    return this.#shard(name).byteLength(name);
  }

  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#shard(name).read(name, options);
  }

  async range(
    name: string,
    start: number,
    end: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#shard(name).range(name, start, end, options);
  }

  chunks(name: string, options: ChunkOptions = {}): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    return this.#shard(name).chunks(name, options);
  }

  pieces(names: readonly string[], options: PieceOptions = {}): AsyncGenerator<TensorPiece> {
    return piecesOf(
      names.map((name) => this.#shard(name).place(name)),
      options,
    );
  }

  /** Closes every shard that is open. */
  async close(): Promise<void> {
    await closeAll(this.shards);
  }

  #shard(name: string): Safetensors {
    const shard = this.#byName.get(name);
    if (shard) return shard;
    throw new SafetensorsError({
      op: 'read',
      source: this.label,
      what: 'no such tensor',
      got: quoted(name),
    });
  }
}

/**
 * Parses and checks an index. File names must be plain: without a folder, not an address, not hidden.
 * @throws SafetensorsError
 */
export function parseIndex(bytes: Uint8Array, label = 'index'): ShardIndex {
  const absent = isPage(bytes);
  const wrong = (what: string, got?: string, expected?: string) =>
    new SafetensorsError({ op: 'open', source: label, what, got, expected, absent });
  let root: Json;
  try {
    root = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw wrong(`the index is not JSON: ${foreignFile(bytes) ?? messageOf(cause)}`);
  }
  const map = root instanceof Map ? root.get('weight_map') : undefined;
  if (!(root instanceof Map) || !(map instanceof Map))
    throw wrong('the index has no weight_map', undefined, 'an object');
  const files = new Map<string, string>();
  for (const [name, file] of map) {
    if (typeof file !== 'string') throw wrong(`weight_map ${quoted(name)} is not a string`);
    if (!isPlainName(file)) {
      const expected = 'a plain file name that ends in .safetensors';
      throw wrong(`weight_map ${quoted(name)} does not name a file beside the index`, quoted(file), expected);
    }
    files.set(name, file);
  }
  const metadata: Record<string, string> = Object.create(null);
  const given = root.get('metadata');
  if (given instanceof Map) {
    for (const [key, value] of given) {
      if (typeof value !== 'object') metadata[key] = String(value);
    }
  }
  return { metadata, files };
}

const isPlainName = (file: string) =>
  file.endsWith('.safetensors') && !file.startsWith('.') && !/[/\\:*?"<>|\p{Cc}]/u.test(file);

async function readIndex(
  index: SourceLike,
  signal: AbortSignal | undefined,
): Promise<{ parsed: ShardIndex; label: string }> {
  const source = await toSource(index, { signal });
  try {
    if (source.byteLength > MAX_INDEX_BYTES) {
      const got = `${counted(source.byteLength)} bytes`;
      const expected = `at most ${counted(MAX_INDEX_BYTES)}`;
      throw new SafetensorsError({
        op: 'open',
        source: source.label,
        what: 'the index is too large',
        got,
        expected,
      });
    }
    return {
      parsed: parseIndex(await source.read(0, source.byteLength, signal), source.label),
      label: source.label,
    };
  } finally {
    await source.close();
  }
}

/** Problems with the number of shards: if names end in `-of-00003`, there must be three of them. */
function wrongCounts(files: ReadonlySet<string>): string[] {
  const counts = new Map<number, number>();
  for (const file of files) {
    const [, of] = /-\d+-of-(\d+)\.safetensors$/.exec(file) ?? [];
    if (of !== undefined) counts.set(Number(of), (counts.get(Number(of)) ?? 0) + 1);
  }
  return [...counts]
    .filter(([said, found]) => said !== found)
    .map(([said, found]) => `the index names ${found} of ${said} shards`);
}

/** The shard of each tensor, in the order of the data in the shards. Disagreements are added to `problems`. */
function match(
  files: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, Safetensors>,
  problems: string[],
): Map<string, Safetensors> {
  const byName = new Map<string, Safetensors>();
  for (const [file, shard] of shards) {
    for (const name of shard.names()) {
      const said = files.get(name);
      if (said === file) byName.set(name, shard);
      else if (said === undefined)
        problems.push(`${quoted(file)} holds ${quoted(name)}, which is not in the index`);
      else problems.push(`${quoted(file)} holds ${quoted(name)}, which the index puts into ${quoted(said)}`);
    }
  }
  for (const [name, file] of files) {
    if (shards.has(file) && !byName.has(name)) problems.push(`${quoted(file)} has no ${quoted(name)}`);
  }
  return byName;
}

function disagreement(label: string, problems: readonly string[]): SafetensorsError {
  const listed = problems.slice(0, MOST_LISTED).join('; ');
  const more = problems.length > MOST_LISTED ? `; and ${problems.length - MOST_LISTED} more` : '';
  return new SafetensorsError({
    op: 'open',
    source: label,
    what: `index and shards disagree: ${listed}${more}`,
  });
}

async function closeAll(shards: ReadonlyMap<string, Safetensors>): Promise<void> {
  for (const shard of shards.values()) await shard.close();
}
