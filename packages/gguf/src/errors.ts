// The one error of this package.

/** Where an error happened, and what was wrong. */
export interface GgufErrorDetails {
  readonly op: string;
  /** File, address or other name of the source. */
  readonly source: string;
  readonly what: string;
  readonly got?: string;
  /** What was expected and, if it helps, what to do. */
  readonly expected?: string;
}

/** The error for everything that this package refuses. The message is one line: operation, source, what, got, expected. */
export class GgufError extends Error {
  override readonly name = 'GgufError';

  constructor({ op, source, what, got, expected }: GgufErrorDetails) {
    const facts = [got && `got ${got}`, expected && `expected ${expected}`].filter(Boolean).join(', ');
    super(`gguf ${op} ${source}: ${what}${facts && `: ${facts}`}`);
  }
}
