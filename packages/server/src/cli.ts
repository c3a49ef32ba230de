// The commands of this package, which the command line of moviegen loads when they are called.

import type { Command } from 'commander';
import type { Run } from 'moviegen/cli';

/** Adds the commands of this package to the program. */
export function addCommands(_program: Command, _run: Run): void {}
