// The checkpoint's files as the page fetches them: those of SHA256SUMS that the pipeline reads. The list itself is read
// by the library.

import { parseSums } from 'moviegen';
import { ProblemError } from '../problem.ts';

/** A file of the checkpoint. */
export interface ListedFile {
  /** With its folder: `tae/config.json`. */
  readonly path: string;
  /** Its name in the store, which tells its content: a checksum where there is one. */
  readonly name: string;
  /** What the name is the checksum of: the bytes, or git's header and the bytes. Absent: it is none. */
  readonly check?: 'sha256' | 'git';
  /** Absent where the list does not tell. */
  readonly bytes?: number;
}

const LIST = 'checkpoint/SHA256SUMS';

/** What the pipeline reads. Model cards and training logs stay on the server. */
const WANTED = /\.(json|safetensors)$/;

/** Names below a folder, without a way out of it. */
export const isBelow = (path: string): boolean =>
  /^(?!(?:.*\/)?\.\.(?:\/|$))[\w.-]+(?:\/[\w.-]+)*$/.test(path);

/** The files that a list names. @throws ProblemError where the text is not such a list */
export function listedFiles(text: string): ListedFile[] {
  const files = [...sumsOf(text)].map(([path, name]): ListedFile => ({ path, name, check: 'sha256' }));
  // A model may be shared with the checkpoint beside this one: ../NAME/tae/model.safetensors.
  const outside = files.find(({ path }) => !isBelow(path.replace(/^\.\.\/(?=[^/]+\/[^/]+\/)/, '')));
  if (outside)
    throw notAList(`${JSON.stringify(outside.path)} does not lie in the checkpoint, nor in one beside it`);
  return files.filter(({ path }) => WANTED.test(path));
}

function sumsOf(text: string): Map<string, string> {
  try {
    return parseSums(new TextEncoder().encode(text), LIST);
  } catch (error) {
    throw notAList((error as Error).message);
  }
}

const notAList = (why: string): ProblemError =>
  new ProblemError('checkpoint-damaged', `${LIST} is not a list of checksums: ${why}`);
