// The commands of this package, which the command line of moviegen loads when they are called.

import type { Command } from 'commander';
import type { Run } from 'moviegen/cli';
import { addServe } from './serve.ts';
import { addWorker } from './work.ts';

/** Adds the commands of this package to the program. */
export function addCommands(program: Command, run: Run): void {
  addServe(program, run);
  addWorker(program, run);
}
