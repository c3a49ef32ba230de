// moviegen plan: what a generation would need on this adapter, without allocating it. The plan is made in plan/.

import { totalmem } from 'node:os';
import { measureCeilings } from '@moviegen/tensor/checks';
import { type Command, Option } from 'commander';
import type { DTypePolicy } from '../../checkpoint/precision.ts';
import { GUIDANCES, type Guidance } from '../../generate/request.ts';
import { type PlanOptions, PUBLISHED, planGeneration } from '../../plan/plan.ts';
import { planTable } from '../../plan/table.ts';
import { withAdapter, withSource } from '../common.ts';
import { type CommonOptions, filesOptions, type ModelOptions, type Run } from '../run.ts';
import { bytes, integer, number, policy, sizeOf } from '../values.ts';

interface Options extends Omit<CommonOptions, 'adapter'>, Pick<ModelOptions, 'variant' | 'header'> {
  readonly adapter: string | boolean;
  readonly size?: readonly [number, number];
  readonly frames?: number;
  readonly steps?: number;
  readonly dtype?: DTypePolicy;
  readonly guidanceScale?: number;
  readonly guidance?: Guidance;
  readonly prompt?: string;
  readonly maxMemory?: number;
  readonly memory?: number;
}

/** Adds the command. */
export function addPlan(program: Command, run: Run): void {
  const command = program
    .command('plan')
    .description('print tokens, operations, weights, memory and time of a generation, without allocating it')
    .argument('<model>', `${PUBLISHED.join(', ')}, or a checkpoint (a folder or an address)`)
    .option('--size <WxH>', 'pixels (default: the model’s)', sizeOf('plan: --size'))
    .option('--frames <n>', 'number of frames (default: the model’s)', integer)
    .option('--steps <n>', 'steps of the solver (default: the model’s, 50)', integer)
    .option('--dtype <types>', 'types of weights and activations, as for generate (default: f32)', policy)
    .option(
      '-g, --guidance-scale <number>',
      'strength of guidance; 1 turns it off (default: the model’s)',
      number,
    )
    .addOption(
      new Option(
        '--guidance <how>',
        'compute the two branches of guidance in one batch, or one after the other',
      ).choices(GUIDANCES),
    )
    .option(
      '--prompt <text>',
      'prompt whose tokens are counted (default: an example of the model, or the longest possible)',
    )
    .option(
      '--max-memory <bytes>',
      'limit for the transformer’s weights on the device, as for generate',
      bytes,
    )
    .option(
      '--memory <bytes>',
      'memory of the adapter (default for a software adapter: the memory of the machine)',
      bytes,
    )
    .option('--no-adapter', 'plan for the limits of a large GPU, without times');
  withAdapter(withSource(command)).action((model: string, options: Options) => plan(run, model, options));
}

async function plan(run: Run, model: string, options: Options): Promise<void> {
  run.configure({ ...options, adapter: undefined } as CommonOptions);
  const { bars, signal } = run;
  const { size, frames, steps, dtype, guidanceScale, guidance, prompt, adapter, maxMemory, memory } = options;
  const given = {
    width: size?.[0],
    height: size?.[1],
    numFrames: frames,
    steps,
    dtype,
    guidanceScale,
    guidance,
    prompt,
    maxMemory,
    memory,
  };
  const chosen = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as PlanOptions;
  const where: PlanOptions = {};
  if (adapter !== false) {
    const device = await run.device(typeof adapter === 'string' ? { adapter } : {});
    bars.begin('measure');
    if (device.info.software) Object.assign(where, { memory: totalmem() });
    Object.assign(where, { device, ceilings: await measureCeilings(device, { signal }) });
    bars.end();
  }
  bars.begin('plan');
  const planned = await planGeneration(model, { ...where, ...chosen, ...filesOptions(options), signal });
  bars.end();
  if (options.json) run.print(planned);
  else run.say(planTable(planned));
}
