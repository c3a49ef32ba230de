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

/** A value as a message shows it. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
