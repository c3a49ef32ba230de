// The commands of packages that are built on this one: each is imported when its command is called, so that nobody who does
// without it has to install or load it.

import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import type { Run } from './run.ts';

/** What the `cli` entry of such a package exports: adds its commands to the program. */
export interface AddOn {
  addCommands(program: Command, run: Run): void;
}

interface AddOnEntry {
  readonly package: string;
  /** What each command is for, as the help lists it. */
  readonly commands: Readonly<Record<string, string>>;
}

const ADD_ONS: readonly AddOnEntry[] = [
  {
    package: '@moviegen/server',
    commands: {
      serve: 'a video API over HTTP, with a queue and workers',
      worker: 'takes jobs of a server from its database and makes their videos',
    },
  },
  {
    package: '@moviegen/curation',
    commands: { curate: 'measures a folder of videos and chooses the clips to train on' },
  },
];

/**
 * Adds the commands of other packages: those of the package that `args` calls, whole; the others by name, for the help.
 * @throws InputError if the package of the called command is not installed.
 */
export async function addOnCommands(program: Command, run: Run, args: readonly string[]): Promise<void> {
  for (const { package: name, commands } of ADD_ONS) {
    const called = args.find((arg) => Object.hasOwn(commands, arg));
    if (called !== undefined && (args[0] === called || (args[0] === 'help' && args[1] === called)))
      (await imported(name, called)).addCommands(program, run);
    else
      for (const [command, description] of Object.entries(commands))
        program.command(command).description(description);
  }
}

async function imported(name: string, command: string): Promise<AddOn> {
  try {
    return await import(`${name}/cli`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new InputError(`${command}: the package ${name} is not installed; run: npm install ${name}`);
  }
}
