// The errors for impossible requests and broken checkpoints. The command line answers them with one line and
// status 2.

/** A request that makes no sense or cannot be met: the message says what was given, and what to give instead. */
export class InputError extends Error {
  override readonly name: string = 'InputError';
}

/** A broken checkpoint: a file is missing, or a config is another model's. */
export class CheckpointError extends InputError {
  override readonly name = 'CheckpointError';
}

/** A line of `generate` in the name of another command that does the same. */
export const inNameOf = (op: string, line: string): string => line.replace(/^generate: /, `${op}: `);

/** Runs a part of `generate` for another command: an InputError then names that one. */
export function errorsInNameOf<T>(op: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof InputError) error.message = inNameOf(op, error.message);
    throw error;
  }
}

/** A value as a message shows it, on one line. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  const inner = (one: unknown) => (Array.isArray(one) ? 'an array' : shown(one));
  if (Array.isArray(value))
    return `[${value.slice(0, 8).map(inner).join(', ')}${value.length > 8 ? ', ...' : ''}]`;
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  return kind === 'Object' ? 'an object' : `an object (${kind})`;
}
