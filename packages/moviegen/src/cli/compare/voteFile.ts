// The file of votes: a JSON line each, on the disk before the page is told that the vote was taken.

import { type FileHandle, open, readFile } from 'node:fs/promises';
import type { VoteLine, Votes } from '@moviegen/evaluation';
import { InputError } from '../../errors.ts';

/** What the first line says: of which two sides the votes are. */
interface Heading {
  readonly a: string;
  readonly b: string;
  readonly seed: number;
}

/** A file that votes are appended to. */
export class VoteFile {
  readonly #file: FileHandle;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Reads the votes of a file and opens it for more. @throws InputError where it cannot be written, or is of other sides */
  static async open(
    path: string,
    heading: Heading,
    votes: Votes,
  ): Promise<{ file: VoteFile; passed: number }> {
    const text = await readText(path);
    const passed = readVotes(text, path, heading, votes);
    try {
      const file = await open(path, 'a');
      if (text === '') await file.write(`${JSON.stringify(heading)}\n`);
      else if (!text.endsWith('\n')) await file.write('\n'); // a line that was torn stands alone
      return { file: new VoteFile(file), passed };
    } catch (cause) {
      throw new InputError(`compare: cannot write ${path}: ${(cause as Error).message}`, { cause });
    }
  }

  /** Appends a line. It is on the disk when this returns. */
  append(line: VoteLine): Promise<void> {
    const written = this.#last.then(async () => {
      await this.#file.appendFile(`${JSON.stringify(line)}\n`);
      await this.#file.datasync();
    });
    this.#last = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#file.close();
  }
}

/** The text of a file of votes; empty where there is none. */
export const readText = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new InputError(`compare: cannot read ${path}: ${error.message}`, { cause: error });
  });

/** Takes the votes of a text. @returns how many lines were passed over @throws InputError where they are of other sides */
export function readVotes(text: string, path: string, { a, b, seed }: Heading, votes: Votes): number {
  if (text === '') return 0;
  const [first = '', ...rest] = text.split('\n');
  let heading: Partial<Heading> = {};
  try {
    heading = JSON.parse(first);
  } catch {
    // said below
  }
  if (heading.a !== a || heading.b !== b || heading.seed !== seed)
    throw new InputError(
      `compare: the votes in ${path} are not of ${a} and ${b} with --seed ${seed}: its first line is ${first.slice(0, 200)}; name another file with --votes`,
    );
  return votes.read(rest.join('\n'));
}
