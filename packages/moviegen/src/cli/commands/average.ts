// moviegen average: writes the weighted mean of checkpoints as a checkpoint. The work is in node/averageFolder.ts.

import { type Command, InvalidArgumentError } from 'commander';
import { InputError } from '../../errors.ts';
import { averageCheckpoints } from '../../node/averageFolder.ts';
import { withCommon } from '../common.ts';
import { type CommonOptions, MEGABYTES, type Run } from '../run.ts';

interface Options extends CommonOptions {
  readonly weights?: readonly number[];
  readonly output: string;
}

/** Adds the command. */
export function addAverage(program: Command, run: Run): void {
  const command = program
    .command('average')
    .description('average checkpoints of one model (the last step of finetuning)')
    .argument(
      '<checkpoint...>',
      'two or more folders (or ORG/NAME of the hub), or two or more .safetensors files',
    )
    .option('--weights <numbers>', 'weight of each, with commas: 2,1,1 (default: all the same)', numbers)
    .requiredOption(
      '-o, --output <folder>',
      'a new folder; types and all other files are taken from the first checkpoint',
    );
  withCommon(command).action(async (inputs: string[], options: Options) => {
    run.configure(options);
    if (options.output === '-')
      throw new InputError('average: --output is a folder, which cannot be standard output: name one');
    const { bars, signal } = run;
    const { weights, output } = options;
    bars.begin('average', undefined, MEGABYTES);
    await averageCheckpoints(inputs, output, {
      ...(weights && { weights }),
      onDownload: run.filesOptions({}).onDownload,
      signal,
      onProgress: ({ bytes, totalBytes }) => bars.show('average', bytes, totalBytes, MEGABYTES),
    });
    bars.end();
    if (options.json) run.print({ output, inputs, weights: weights ?? inputs.map(() => 1) });
    else run.say(`${output}  the mean of ${inputs.join(', ')}`);
  });
}

function numbers(text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.every(Number.isFinite)) return values;
  throw new InvalidArgumentError('It must be numbers with commas between them.');
}
