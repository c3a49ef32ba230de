// The command line: reads arguments, handles signals, ends with a status. The commands are in commands/.

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addOnCommands } from './addOns.ts';
import { addAverage } from './commands/average.ts';
import { addCompare } from './commands/compare.ts';
import { addDecode } from './commands/decode.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEdit } from './commands/edit.ts';
import { addEncode } from './commands/encode.ts';
import { addEncodeText } from './commands/encodeText.ts';
import { addExtend } from './commands/extend.ts';
import { addGallery } from './commands/gallery.ts';
import { addGenerate } from './commands/generate.ts';
import { addInspect } from './commands/inspect.ts';
import { addJudge } from './commands/judge.ts';
import { addKernels } from './commands/kernels.ts';
import { addParity } from './commands/parity.ts';
import { addPlan } from './commands/plan.ts';
import { addQuantize } from './commands/quantize.ts';
import { addUpscale } from './commands/upscale.ts';
import { endingOf, Interrupted } from './failure.ts';
import { Run } from './run.ts';

/**
 * Runs a command and sets the exit status of the process: 0 for success, 1 for a failure, 2 for wrong input, 130 and 143 for a
 * run that a signal stopped.
 */
export async function main(args: readonly string[]): Promise<void> {
  const stop = new AbortController();
  const run = new Run(stop.signal);
  const onSignal = (name: 'SIGINT' | 'SIGTERM') => {
    const interrupted = new Interrupted(name);
    if (stop.signal.aborted) {
      run.outputs.clean(); // the second signal: wait for nothing
      process.exit(interrupted.status);
    }
    stop.abort(interrupted);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // `moviegen ... | head` is not a failure: the run ends as soon as it can and cleans up. A closed stderr does not stop it.
  let unread = false;
  const onClosedPipe = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    unread = true;
    stop.abort(error);
  };
  process.stdout.on('error', onClosedPipe);
  process.stderr.on('error', () => {});

  let status = 0;
  try {
    const program = programOf(run);
    await addOnCommands(program, run, args);
    await program.parseAsync(args.length === 0 ? ['--help'] : args, { from: 'user' });
    run.close();
  } catch (error) {
    run.close();
    if (unread) process.exit(0);
    const cause = stop.signal.aborted ? stop.signal.reason : error;
    const ending = endingOf(cause, args.includes('--debug'), args.includes('--verbose'));
    if (ending.message !== undefined) process.stderr.write(`${ending.message}\n`);
    status = ending.status;
  }
  process.exitCode = status;
  // Work on the device that nobody waits for should not delay the end.
  if (status > 2) process.exit(status);
}

/** All commands of this package, whose runs end with `run`. It parses nothing yet. */
export function programOf(run: Run): Command {
  const program = new Command('moviegen')
    .description('Movie Gen on WebGPU: makes videos from prompts')
    .version(version(), '-V, --version')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeErr: () => {} }) // errors are printed once, in main
    .helpCommand(true);
  // Commands inherit exitOverride and configureOutput.
  for (const add of [
    addGenerate,
    addExtend,
    addEdit,
    addUpscale,
    addGallery,
    addEncode,
    addEncodeText,
    addDecode,
    addInspect,
    addDoctor,
    addKernels,
    addParity,
    addJudge,
    addCompare,
    addAverage,
    addQuantize,
    addPlan,
  ])
    add(program, run);
  return program;
}

/** The version of the package that this program lies in. */
const version = (): string =>
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
