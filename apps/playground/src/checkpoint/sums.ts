// SHA256SUMS: the list of a checkpoint's files, as `sha256sum` writes it.

import { ProblemError } from '../problem.ts';

/** A file of the checkpoint. */
export interface Listed {
  /** With its folder: `tae/config.json`. */
  readonly path: string;
  /** SHA-256 in hexadecimal digits. */
  readonly sum: string;
}

/** What the pipeline reads: model cards and logs of training are left on the server. */
const WANTED = /\.(json|safetensors)$/;

/** The files that a list names. @throws ProblemError where it is no such list. */
export function parseSums(text: string): Listed[] {
  const files = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): Listed => {
      const [, sum, path] = /^([0-9a-f]{64}) [ *]([\w./-]+)\r?$/.exec(line) ?? [];
      if (sum === undefined || path === undefined || path.split('/').includes('..'))
        throw new ProblemError(
          'checkpoint-damaged',
          `checkpoint/SHA256SUMS is no list of checksums: ${JSON.stringify(line.slice(0, 80))}`,
        );
      return { path, sum };
    });
  return files.filter(({ path }) => WANTED.test(path));
}
