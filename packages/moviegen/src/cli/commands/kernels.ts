// moviegen kernels: the WGSL of an op's kernels as an adapter gets it, without computing anything.

import { dryDevice } from '@moviegen/tensor';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { onlyWith, withAdapter } from '../common.ts';
import { casesOf, chosenCase, type OperandShapes, reshapedCase } from '../kernels/chosenCase.ts';
import { Dispatches, dispatchedKernels } from '../kernels/dispatched.ts';
import { caseHead, caseList, caseRecord, kernelRecord, kernelText } from '../kernels/text.ts';
import { adapterName, adapterRecord, type CommonOptions, type Run } from '../run.ts';

interface Options extends Omit<CommonOptions, 'adapter'> {
  readonly adapter: string | boolean;
  readonly list?: boolean;
  readonly case?: string;
  readonly shape?: OperandShapes;
  readonly dtype: 'f32' | 'f16';
  readonly variant?: string;
}

/** Adds the command. */
export function addKernels(program: Command, run: Run): void {
  const command = program
    .command('kernels')
    .description(
      'print the WGSL of an op’s kernels as the adapter gets it; without an op, list ops and cases',
    )
    .argument('[op]', 'an op of the case list, like matmul')
    .option('--list', 'list the op’s cases instead')
    .option('--case <name>', 'the case, or a part of its name that no other has (default: the op’s first)')
    .option(
      '--shape <operand=sizes,...>',
      'other shapes for the case’s operands: a=300x64,b=64x200',
      shapesOf,
    )
    .addOption(new Option('--dtype <type>', 'type of the operands').choices(['f32', 'f16']).default('f32'))
    .option('--variant <name>', 'a variant of the kernel (default: the one that the adapter takes)')
    .option('--no-adapter', 'print what a large GPU would get');
  withAdapter(command).action((op: string | undefined, options: Options) =>
    op === undefined || options.list ? list(run, command, op, options) : kernels(run, op, options),
  );
}

function list(run: Run, command: Command, op: string | undefined, { json }: Options): void {
  onlyWith(command, ['list', 'json', 'quiet', 'debug'], 'the list of cases');
  const cases = casesOf(op);
  if (json) run.print(cases.map(caseRecord));
  else run.say(caseList(cases));
}

async function kernels(run: Run, op: string, options: Options): Promise<void> {
  const { adapter, shape, dtype, variant, json } = options;
  run.configure(options);
  const named = chosenCase(op, options.case);
  const item = shape ? reshapedCase(named, shape) : named;
  const dispatches = new Dispatches();
  const onDispatch = dispatches.heard;
  const device =
    adapter === false
      ? await dryDevice({ onDispatch })
      : await run.device({ ...(typeof adapter === 'string' && { adapter }) }, onDispatch);
  const found = dispatchedKernels(device, item, { dtype, variant }, dispatches);
  if (json) {
    const { variants } = found;
    const kernels = found.kernels.map(kernelRecord);
    run.print({ adapter: adapterRecord(device), ...caseRecord(item), dtype, variants, kernels });
    return;
  }
  const head = { dtype, variants: found.variants, adapter: adapterName(device), reshaped: item !== named };
  run.say([caseHead(item, head), ...found.kernels.map(kernelText)].join('\n\n').trimEnd());
}

/** `a=300x64,b=64x200`: sizes by operand. */
function shapesOf(text: string): OperandShapes {
  const shapes = text.split(',').map((part) => {
    const [, name, sizes] = /^(\w+)=([1-9]\d*(?:x[1-9]\d*)*)$/.exec(part) ?? [];
    if (name === undefined || sizes === undefined)
      throw new InvalidArgumentError('It must be sizes by operand, like a=300x64,b=64x200.');
    return [name, sizes.split('x').map(Number)];
  });
  return Object.fromEntries(shapes);
}
