// The error of a caller who asked for what cannot be. The command line answers it with one line and status 2.

/** What was asked for makes no sense, or cannot be had: the message says what came, and what to give instead. */
export class InputError extends Error {
  override readonly name: string = 'InputError';
}

/** A checkpoint that is not what it should be: files that are missing, configurations of another model. */
export class CheckpointError extends InputError {
  override readonly name = 'CheckpointError';
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
