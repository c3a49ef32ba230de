// The journal beside the manifest: one JSON line per thing that took time to find out (a file's measures, a clip's embedding, its
// caption), written as soon as it is known. A run that was stopped goes on from it; a line that was torn is as if never written.

import { type FileHandle, open, readFile } from 'node:fs/promises';
import { InputError } from 'moviegen';

/** An entry: what it is of, under which conditions it holds, and what was found. */
interface Entry {
  readonly key: string;
  readonly value: unknown;
}

/** Things found out, by keys that hold all that they depend on. */
export class Journal {
  readonly #known: Map<string, unknown>;
  readonly #file: FileHandle;
  #written: Promise<unknown> = Promise.resolve();

  private constructor(known: Map<string, unknown>, file: FileHandle) {
    this.#known = known;
    this.#file = file;
  }

  /** Opens or begins a journal. @throws InputError where it cannot be read or written */
  static async open(path: string): Promise<Journal> {
    try {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return '';
        throw error;
      });
      const known = new Map<string, unknown>();
      for (const line of text.split('\n')) {
        const entry = entryOf(line);
        if (entry !== undefined) known.set(entry.key, entry.value);
      }
      const file = await open(path, 'a');
      if (text !== '' && !text.endsWith('\n')) await file.write('\n');
      return new Journal(known, file);
    } catch (cause) {
      throw new InputError(`curate: cannot write ${path}: ${(cause as Error).message}`, { cause });
    }
  }

  /** What is known under a key. Whoever asks knows the type, which the key stands for. */
  get<Value>(key: string): Value | undefined {
    return this.#known.get(key) as Value | undefined;
  }

  /** Notes what was found. When it returns, the line is in the file. */
  async put(key: string, value: unknown): Promise<void> {
    this.#known.set(key, value);
    this.#written = this.#written.then(() => this.#file.appendFile(`${JSON.stringify({ key, value })}\n`));
    await this.#written;
  }

  async close(): Promise<void> {
    await this.#written.catch(() => {});
    await this.#file.sync().catch(() => {});
    await this.#file.close();
  }
}

function entryOf(line: string): Entry | undefined {
  try {
    const entry = JSON.parse(line) as Partial<Entry> | null;
    return typeof entry?.key === 'string' ? { key: entry.key, value: entry.value } : undefined;
  } catch {
    return undefined;
  }
}
