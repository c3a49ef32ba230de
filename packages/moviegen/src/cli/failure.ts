// How a run that fails ends: its exit status, and one line that says what the user can do about it. The process itself ends
// in main.ts.

import { GgufError } from '@moviegen/gguf';
import { SafetensorsError } from '@moviegen/safetensors';
import { ConfigError, NoAdapterError, WeightsError } from '@moviegen/tensor';
import { CommanderError } from 'commander';
import { InputError } from '../errors.ts';

/** The run was stopped by a signal. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor(readonly signal: 'SIGINT' | 'SIGTERM') {
    super(`stopped by ${signal}`);
  }

  /** The exit status: 128 plus the signal's number. */
  get status(): number {
    return this.signal === 'SIGINT' ? 130 : 143;
  }
}

/** A check has failed, and the command has already said which. */
export class CheckFailed extends Error {
  override readonly name = 'CheckFailed';
}

/** The end of a run. */
export interface Ending {
  readonly status: number;
  /** What stderr gets. */
  readonly message?: string;
}

/** The status and the message of an error. @param debug adds the stack; @param verbose all tensors at fault, however many */
export function endingOf(error: unknown, debug: boolean, verbose = false): Ending {
  if (error instanceof Interrupted) return { status: error.status, message: error.message };
  if (error instanceof CheckFailed) return { status: 1 };
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return { status: 0 };
    return { status: 2, message: error.message.replace(/\s*\n\s*/g, ' ') };
  }
  const text = (error instanceof Error ? error.message : String(error)) + listOf(error, verbose);
  const message = debug && error instanceof Error && error.stack !== undefined ? error.stack : text;
  if (isInputError(error)) return { status: 2, message: debug ? message : `error: ${text}` };
  return { status: 1, message: debug ? message : `error: ${text} (--debug shows where)` };
}

/** What a message left out, and where to find it. */
function listOf(error: unknown, verbose: boolean): string {
  if (!(error instanceof WeightsError)) return error instanceof Error ? listOf(error.cause, verbose) : '';
  const lists = Object.entries(error.faults);
  if (verbose) return lists.map(([kind, list]) => `\nall ${kind}:\n  ${list.join('\n  ')}`).join('');
  return /\n {4}and \d+ more/.test(error.message) ? '\n(--verbose lists all)' : '';
}

const isInputError = (error: unknown): boolean =>
  [InputError, SafetensorsError, GgufError, NoAdapterError, WeightsError, ConfigError].some(
    (known) => error instanceof known,
  );
