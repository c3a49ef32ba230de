// moviegen plan: what a generation would need on this adapter, without allocating it. The plan is made in plan/.

import { totalmem } from 'node:os';
import { measureCeilings } from '@moviegen/tensor/checks';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DTypePolicy } from '../../checkpoint/precision.ts';
import type { TokenizerPlaces } from '../../checkpoint/tokenizerFiles.ts';
import { InputError, shown } from '../../errors.ts';
import { GUIDANCES, type Guidance } from '../../generate/request.ts';
import {
  PLANNED_JOBS,
  type PlannedJob,
  type PlanOptions,
  PUBLISHED,
  planGeneration,
} from '../../plan/plan.ts';
import { planTable } from '../../plan/table.ts';
import { withAdapter, withParts, withSource, withTokenizer } from '../common.ts';
import { type CommonOptions, type PartOptions, partsOf, type Run, type SourceOptions } from '../run.ts';
import { bytes, integer, number, policy, sizeOf } from '../values.ts';

interface Options extends Omit<CommonOptions, 'adapter'>, SourceOptions, PartOptions {
  readonly adapter: string | boolean;
  readonly size?: readonly [number, number];
  readonly frames?: number;
  readonly steps?: number;
  readonly dtype?: DTypePolicy;
  readonly guidanceScale?: number;
  readonly guidance?: Guidance;
  readonly cache?: number;
  readonly prompt?: string;
  readonly tokenizer?: TokenizerPlaces;
  readonly maxMemory?: number;
  readonly memory?: number;
  readonly tile?: PlanOptions['tile'];
}

/** Adds the command. */
export function addPlan(program: Command, run: Run): void {
  const command = program
    .command('plan')
    .description('print tokens, operations, weights, memory and time of a generation, without allocating it')
    .argument(
      '[model...]',
      `${PUBLISHED.join(', ')}, or a checkpoint (a folder, an address, or ORG/NAME of the hub); before it the job, if it is not text: ${PLANNED_JOBS.slice(1).join(', ')} (of 7b or an upsampler); none where --transformer, --vae and --text-encoder are all of it`,
    )
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
    .option('--cache <number>', 'plan for a step cache, as for generate; all blocks are counted', number)
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
    .option('--tile <pixels>', 'of upscale: size of a tile, or none (default: the model’s, 512)', tile)
    .option('--no-adapter', 'plan for the limits of a large GPU, without times');
  withAdapter(withTokenizer(withParts(withSource(command)))).action((words: string[], options: Options) =>
    plan(run, words, options),
  );
}

async function plan(run: Run, words: readonly string[], options: Options): Promise<void> {
  const parts = partsOf(options);
  const [job, source] = jobAndModel(words, parts !== undefined);
  const model = source ?? parts;
  if (model === undefined)
    throw new InputError(
      'plan: give a model: a published size, a checkpoint, or its models by --transformer, --vae and --text-encoder',
    );
  run.configure({ ...options, adapter: undefined } as CommonOptions);
  const { bars, signal } = run;
  const {
    size,
    frames,
    steps,
    dtype,
    guidanceScale,
    guidance,
    cache,
    prompt,
    adapter,
    maxMemory,
    memory,
    tokenizer,
  } = options;
  const given = {
    width: size?.[0],
    height: size?.[1],
    numFrames: frames,
    steps,
    dtype,
    guidanceScale,
    guidance,
    cache,
    prompt,
    maxMemory,
    memory,
    tokenizer,
    parts: source === undefined ? undefined : parts,
    job,
    tile: options.tile,
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
  const planned = await planGeneration(model, { ...where, ...chosen, ...run.filesOptions(options), signal });
  bars.end();
  if (options.json) run.print(planned);
  else run.say(planTable(planned));
}

/** `upscale 7b`: a job, where there are two words, and a model, which may be absent where there are parts. @throws InputError */
function jobAndModel(
  words: readonly string[],
  hasParts: boolean,
): [PlannedJob | undefined, string | undefined] {
  const [first, second, ...more] = words;
  const job = PLANNED_JOBS.find((name) => name === first);
  if (second === undefined) return job !== undefined && hasParts ? [job, undefined] : [undefined, first];
  if (job !== undefined && more.length === 0) return [job, second];
  throw new InputError(
    `plan: give a model, or a job and a model: ${PLANNED_JOBS.join(', ')}; got ${shown(words.join(' '))}`,
  );
}

/** Pixels of a tile, as latents of an autoencoder that makes one of eight; about a quarter of it is shared, in whole tokens of 2. */
function tile(text: string): PlanOptions['tile'] {
  if (text === 'none') return 'none';
  const pixels = integer(text);
  if (pixels < 16 || pixels % 16 !== 0)
    throw new InvalidArgumentError('It must be a multiple of 16 pixels, or none.');
  return { size: pixels / 8, overlap: 2 * Math.round(pixels / 64) };
}
