// The checksum list of a checkpoint, `SHA256SUMS` as `sha256sum` writes it: the files that it names are verified while they
// are read. A file that is read from front to back is read only once.

import type { ByteSource, OpenFile } from '@moviegen/safetensors';
import { type Sha256, sha256 } from '#platform';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { CheckpointError } from '../errors.ts';
import { pathOf, readFile } from './files.ts';

/** A checkpoint's files, verified as they are read. */
export interface VerifiedFiles extends CheckpointFiles {
  /** Reads the rest of the files opened so far. @throws CheckpointError if one differs from its entry in the list. */
  verify(signal?: AbortSignal): Promise<void>;
}

const LIST = 'SHA256SUMS';

/**
 * Files compared with the checkpoint's list, if it has one: a read throws as soon as a whole file is known to differ. Files
 * that the list does not name are not checked.
 * @throws CheckpointError if a line of the list is not a checksum.
 */
export async function verified(files: CheckpointFiles, signal?: AbortSignal): Promise<VerifiedFiles> {
  const bytes = await readFile(files, '', LIST, signal);
  const sums = bytes === undefined ? new Map() : parseSums(bytes, pathOf(files, '', LIST));
  const opened: HashedSource[] = [];
  return {
    ...files,
    folder: (folder) => {
      const given = files.folder(folder);
      const { list } = given;
      const opening: OpenFile = async (name, signal) => {
        const source = await given(name, signal);
        const sum = sums.get(folder === '' ? name : `${folder}/${name}`);
        if (source === undefined || sum === undefined) return source;
        const hashed = new HashedSource(source, sum);
        opened.push(hashed);
        return hashed;
      };
      return list ? Object.assign(opening, { list }) : opening;
    },
    verify: async (signal) => {
      for (const source of opened) await source.finish(signal);
    },
  };
}

/**
 * The SHA-256 sums of a list, in lower-case hexadecimal digits, by path.
 * @param label the list's name in messages
 * @throws CheckpointError where a line is not one of such a list
 */
export function parseSums(bytes: Uint8Array, label: string): Map<string, string> {
  const sums = new Map<string, string>();
  for (const [i, line] of new TextDecoder().decode(bytes).split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const [, sum, path] = /^([0-9a-f]{64}) [ *](?:\.\/)?(.+)$/i.exec(line) ?? [];
    if (sum === undefined || path === undefined)
      throw new CheckpointError(
        `checkpoint: ${label} line ${i + 1} is not a checksum: expected 64 hexadecimal digits, two spaces and a path`,
      );
    sums.set(path, sum.toLowerCase());
  }
  return sums;
}

/** Bytes read at most to fill a gap that the reader has left out. */
const GAP_BYTES = 2 ** 22;

/** A source that hashes every byte once, in the order of the file, as it is read. */
class HashedSource implements ByteSource {
  readonly label: string;
  readonly byteLength: number;
  readonly readInto: ByteSource['readInto'];
  readonly #source: ByteSource;
  readonly #expected: string;
  #hash: Sha256 | undefined = sha256();
  /** Set when the file differs from the list: every later read throws it. */
  #failed: CheckpointError | undefined;
  /** Bytes hashed so far. */
  #at = 0;
  /** Settles when the last piece in the queue is hashed: pieces read at the same time take turns. */
  #turn: Promise<void> = Promise.resolve();

  constructor(source: ByteSource, expected: string) {
    this.label = source.label;
    this.byteLength = source.byteLength;
    this.#source = source;
    this.#expected = expected;
    if (source.readInto === undefined) return;
    this.readInto = async (target, start, signal) => {
      await this.#hashed(start, signal, async () => {
        await source.readInto!(target, start, signal);
        return target;
      });
    };
  }

  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    return this.#hashed(start, signal, () => this.#source.read(start, end, signal));
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  /** Reads and hashes the rest of the file. @throws CheckpointError */
  async finish(signal?: AbortSignal): Promise<void> {
    await this.#turn.catch(() => {});
    if (this.#failed) throw this.#failed;
    await this.#fill(this.byteLength, signal);
  }

  /** Reads, and returns the bytes when their turn to be hashed has passed. */
  async #hashed<B extends Uint8Array>(
    start: number,
    signal: AbortSignal | undefined,
    read: () => Promise<B>,
  ): Promise<B> {
    if (this.#failed) throw this.#failed;
    if (this.#hash === undefined) return read();
    const before = this.#turn;
    const reading = read();
    reading.catch(() => {}); // the error is thrown where it is awaited
    const turn = (async () => {
      await before.catch(() => {}); // its own reader gets that error
      if (this.#failed) throw this.#failed;
      const bytes = await reading;
      if (start > this.#at && start - this.#at <= GAP_BYTES) await this.#fill(start, signal);
      if (start <= this.#at) this.#take(bytes.subarray(this.#at - start));
    })();
    this.#turn = turn;
    await turn;
    return reading;
  }

  async #fill(end: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#hash === undefined) return;
    while (this.#at < end) {
      signal?.throwIfAborted();
      this.#take(await this.#source.read(this.#at, Math.min(end, this.#at + GAP_BYTES), signal));
    }
    if (this.byteLength === 0) this.#take(new Uint8Array());
  }

  #take(bytes: Uint8Array): void {
    if (this.#hash === undefined) return;
    this.#hash.update(bytes);
    this.#at += bytes.length;
    if (this.#at < this.byteLength) return;
    const sum = this.#hash.hex();
    this.#hash = undefined;
    if (sum === this.#expected) return;
    this.#failed = new CheckpointError(
      `checkpoint: ${this.label} is not the file that ${LIST} lists: got SHA-256 ${sum}, ` +
        `expected ${this.#expected}; fetch it again, or mend the list if the file was changed on purpose`,
    );
    throw this.#failed;
  }
}
