// The error of a caller who asked for what cannot be. The command line answers it with one line and status 2.

/** What was asked for makes no sense, or cannot be had: the message says what came, and what to give instead. */
export class InputError extends Error {
  override readonly name: string = 'InputError';
}

/** A checkpoint that is not what it should be: files that are missing, configurations of another model. */
export class CheckpointError extends InputError {
  override readonly name = 'CheckpointError';
}

/** A value as a message shows it. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
