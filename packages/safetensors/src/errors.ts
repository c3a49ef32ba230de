// The one error of this package, and how untrusted names are printed in it.

/** Where an error happened, and what was wrong. */
export interface SafetensorsErrorDetails {
  /** The operation: `open`, `read`, `serialize`, ... */
  readonly op: string;
  /** What is wrong. */
  readonly what: string;
  /** What was found. */
  readonly got?: string;
  /** What was expected and, if it helps, what to do. */
  readonly expected?: string;
  /** File, address or other name of the source. */
  readonly source?: string;
  /** Whether it may mean that there is no such file: a server forbids it, or gives a web page. */
  readonly absent?: boolean;
  readonly cause?: unknown;
}

/** The error for everything that this package refuses. The message is one line: operation, source, what, got, expected. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
  readonly op: string;
  readonly what: string;
  readonly got: string | undefined;
  readonly expected: string | undefined;
  readonly source: string | undefined;
  readonly absent: boolean;

  constructor({ op, what, got, expected, source, absent = false, cause }: SafetensorsErrorDetails) {
    const facts = [
      got === undefined ? '' : `got ${got}`,
      expected === undefined ? '' : `expected ${expected}`,
    ].filter(Boolean);
    const tail = facts.length > 0 ? `: ${facts.join(', ')}` : '';
    super(
      `safetensors ${op}${source ? ` ${source}` : ''}: ${what}${tail}`,
      cause === undefined ? {} : { cause },
    );
    this.op = op;
    this.what = what;
    this.got = got;
    this.expected = expected;
    this.source = source;
    this.absent = absent;
  }
}

/** Whether an error may mean that there is no such file. */
export const isAbsent = (error: unknown): error is SafetensorsError =>
  error instanceof SafetensorsError && error.absent;

/** A text in which addresses have neither a user's name and password nor a query. */
export const withoutSecrets = (text: string): string =>
  text.replace(/\/\/[^/\s@]*@/g, '//').replace(/(https?:\/\/[^\s?#"')]*)[?#][^\s"')]*/gi, '$1');

/** Makes a text from a file safe for a terminal: escapes control characters and characters that change the reading direction. */
export function printable(text: string): string {
  return escaped(text)
    .slice(1, -1)
    .replace(/\\(["\\])/g, '$1');
}

/** Makes a name from a file safe for one line of a message: quoted, escaped, cut at 100 characters. */
export function quoted(name: string): string {
  return escaped(name.length > 100 ? `${name.slice(0, 97)}...` : name);
}

const escaped = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** A number with thousands separated by commas: `1,048,576`. */
export function counted(n: number | bigint): string {
  return n.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
