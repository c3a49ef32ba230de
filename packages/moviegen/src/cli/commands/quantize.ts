// moviegen quantize: writes a checkpoint with the weights of its linear layers in 8 or 4 bits. The work is in
// node/quantizeFolder.ts.

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { TokenizerPlaces } from '../../checkpoint/tokenizerFiles.ts';
import { InputError } from '../../errors.ts';
import { QUANTIZED_MODULES, type QuantizedModule } from '../../node/quantizeFile.ts';
import { quantizeCheckpoint } from '../../node/quantizeFolder.ts';
import { withCommon, withParts, withSource, withTokenizer } from '../common.ts';
import {
  type CommonOptions,
  MEGABYTES,
  type PartOptions,
  partsOf,
  type Run,
  type SourceOptions,
} from '../run.ts';

interface Options extends CommonOptions, SourceOptions, PartOptions {
  readonly dtype: 'q8' | 'q4';
  readonly output: string;
  readonly tokenizer?: TokenizerPlaces;
  readonly modules?: readonly QuantizedModule[];
}

/** Adds the command. */
export function addQuantize(program: Command, run: Run): void {
  const command = program
    .command('quantize')
    .description('write a quantised, smaller copy of a checkpoint, which every command loads as it is')
    .argument(
      '[checkpoint]',
      'what generate opens: a folder, an address, or ORG/NAME of the hub; or a transformer or text encoder alone',
    )
    .addOption(
      new Option('--dtype <type>', '8 or 4 bits per weight, in blocks of 32')
        .choices(['q8', 'q4'])
        .makeOptionMandatory(),
    )
    .requiredOption('-o, --output <folder>', 'a new folder')
    .option('--modules <names>', 'which models to quantise, with commas: dit,text (default: both)', modules);
  withTokenizer(withParts(withCommon(withSource(command)))).action(
    async (input: string | undefined, options: Options) => {
      run.configure(options);
      if (options.output === '-')
        throw new InputError('quantize: --output is a folder, which cannot be standard output: name one');
      const { bars, signal } = run;
      const { dtype, output, modules, tokenizer } = options;
      const parts = partsOf(options);
      const source = input ?? parts;
      if (source === undefined)
        throw new InputError(
          'quantize: give a checkpoint, or its models by --transformer, --vae and --text-encoder',
        );
      bars.begin('quantize', undefined, MEGABYTES);
      const summary = await quantizeCheckpoint(source, output, {
        format: dtype,
        modules,
        ...(input !== undefined && { parts }),
        tokenizer,
        ...run.filesOptions(options),
        signal,
        onProgress: ({ bytes, totalBytes }) => bars.show('quantize', bytes, totalBytes, MEGABYTES),
      });
      bars.end();
      const { quantized, plain, bytesBefore, bytesAfter } = summary;
      if (options.json) run.print({ input: input ?? parts, output, dtype, ...summary });
      else
        run.say(
          `${output}  ${quantized} weights in ${dtype}, ${plain} tensors of these models as they were; ` +
            `${MEGABYTES.show(bytesBefore)} MB became ${MEGABYTES.show(bytesAfter)} MB`,
        );
    },
  );
}

function modules(text: string): readonly QuantizedModule[] {
  const names = text.split(',').map((name) => name.trim());
  const known = QUANTIZED_MODULES.filter((name) => names.includes(name));
  if (known.length === new Set(names).size && names.length > 0) return known;
  throw new InvalidArgumentError(`It must be some of ${QUANTIZED_MODULES.join(', ')}, with commas between.`);
}
