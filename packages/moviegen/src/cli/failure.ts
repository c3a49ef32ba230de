// How a run ends that does not end well: one line for what the user can mend, and the exit status.

import { SafetensorsError } from '@moviegen/safetensors';
import { NoAdapterError, WeightsError } from '@moviegen/tensor';
import { CommanderError } from 'commander';
import { InputError } from '../errors.ts';

/** The run was stopped from outside. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor(readonly signal: 'SIGINT' | 'SIGTERM') {
    super(`stopped by ${signal}`);
  }

  /** 128 and the signal's number. */
  get status(): number {
    return this.signal === 'SIGINT' ? 130 : 143;
  }
}

/** Something was checked and found wanting; what, has been said already. */
export class CheckFailed extends Error {
  override readonly name = 'CheckFailed';
}

/** How a run ends. */
export interface Ending {
  readonly status: number;
  /** For stderr. */
  readonly message?: string;
}

/** The status and the message of an error. @param debug adds the stack. */
export function endingOf(error: unknown, debug: boolean): Ending {
  if (error instanceof Interrupted) return { status: error.status, message: error.message };
  if (error instanceof CheckFailed) return { status: 1 };
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return { status: 0 };
    return { status: 2, message: error.message.replace(/\s*\n\s*/g, ' ') };
  }
  const text = error instanceof Error ? error.message : String(error);
  const message = debug && error instanceof Error && error.stack !== undefined ? error.stack : text;
  if (isInputError(error)) return { status: 2, message: debug ? message : `error: ${text}` };
  return { status: 1, message: debug ? message : `error: ${text} (--debug shows where)` };
}

const isInputError = (error: unknown): boolean =>
  [InputError, SafetensorsError, NoAdapterError, WeightsError].some((known) => error instanceof known);
