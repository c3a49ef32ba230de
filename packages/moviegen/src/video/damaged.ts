// The line for a picture or video whose bytes do not hold together: cut off, or changed on the way.

import { InputError } from '../errors.ts';

/** What libraries say when they run over the end of bytes or into their own assumptions: nothing that helps a person. */
const OF_NO_USE = /assert|internal error|slic(e|ing)\b|bounds|undefined|null|array length|not a function/i;

/** What to do about a file that was cut short. */
export const TAKE_WHAT_IS_THERE =
  'get it again, or take what is there: --allow-partial (allowPartial in the library)';

/**
 * @param what `PNG picture`, `video`
 * @param cause what the library threw, whose own reason is kept where it helps
 * @param convert how a file is made readable that other programs can read
 */
export function damaged(name: string, what: string, cause: unknown, convert: string): InputError {
  const text = cause instanceof Error ? cause.message || reasonOf(cause.cause) : String(cause);
  const reason = (text.endsWith(':') && cause instanceof Error ? reasonOf(cause.cause) : text)
    .split('\n')[0]!
    .replace(/[\s:.]+$/, '')
    .replace(/[^ -~]/g, '?'); // bytes of the file, which a terminal would obey
  const why = reason === '' || OF_NO_USE.test(reason) ? '' : ` (${reason})`;
  return new InputError(
    `${name}: this ${what} is damaged or was cut short${why}: get it again, or convert it, for example with ${convert}`,
    { cause },
  );
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause ?? ''));
