// Options that the commands serve and worker share, and the models that they name.

import { basename } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { InputError, VideoPipeline } from 'moviegen';
import {
  bytes,
  duration,
  integer,
  type ModelOptions,
  partsOf,
  type Run,
  weightsOptions,
  withModel,
} from 'moviegen/cli';
import type { DataOptions } from './data.ts';
import { MODEL_NAME } from './models.ts';
import type { NamedPipeline } from './worker/pipelines.ts';

/** A checkpoint, and the name that requests give. */
export interface NamedModel {
  readonly name: string;
  /** A checkpoint, or single models that are all of it. */
  readonly source: string | NonNullable<ReturnType<typeof partsOf>>;
}

/** What a worker is told: plain data, since it may be another process. */
export interface WorkerSettings extends Omit<ModelOptions, 'model'>, Pick<DataOptions, 'data' | 'store'> {
  readonly model: readonly NamedModel[];
  readonly upsampler?: string | undefined;
  readonly batch: number;
  readonly maxPixels?: number | undefined;
  readonly lease: number;
}

/** Adds the options of a command that runs workers. */
export function withWorker(command: Command): Command {
  withModel(command);
  const model = command.options.find(({ long }) => long === '--model')!;
  model.argParser(models);
  model.description =
    'a checkpoint, or NAME=CHECKPOINT; may be given several times (default: models/shapes-world)';
  return command
    .option(
      '--upsampler <dir|url>',
      'a checkpoint that makes videos larger (default: MOVIEGEN_UPSAMPLER, or none)',
    )
    .option('--data <folder>', 'where videos and the database lie', 'moviegen-data')
    .option(
      '--database <url>',
      'a PostgreSQL, postgres://..., that several machines share (default: one in the data folder)',
    )
    .option('--store <address>', 's3://BUCKET/PREFIX?endpoint=URL for videos (default: the data folder)')
    .option('--batch <n>', 'the most waiting jobs of one size that are made together', positive, 1)
    .option(
      '--max-pixels <n>',
      'the most pixels of all frames of a video, as a power of two, that this machine takes',
      positive,
    )
    .option('--lease <time>', 'a worker that is silent for so long counts as dead', duration, 30);
}

/** An integer above 0. */
export function positive(text: string): number {
  const value = integer(text);
  if (value >= 1) return value;
  throw new InvalidArgumentError('It must be at least 1.');
}

/** An amount of memory. */
export { bytes, duration };

/** `NAME=CHECKPOINT`, or a checkpoint, whose last part is its name, beside those that were given before. */
function models(text: string, before: readonly NamedModel[] = []): NamedModel[] {
  const [, given, rest] = /^([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)$/.exec(text) ?? [];
  const source = rest ?? text;
  const path = URL.canParse(source) && /^https?:/.test(source) ? new URL(source).pathname : source;
  const name = given ?? basename(path.replace(/[/\\]+$/, ''));
  if (!MODEL_NAME.test(name))
    throw new InvalidArgumentError(
      'Its last part is not a name that requests can give: write NAME=CHECKPOINT.',
    );
  if (before.some((one) => one.name === name))
    throw new InvalidArgumentError(`There are two models called ${name}: write NAME=CHECKPOINT.`);
  return [...before, { name, source }];
}

/** The models that options name: checkpoints, or single models without one, or else the model that every command takes. */
export function modelsOf(
  { model, ...options }: Partial<WorkerSettings>,
  byDefault: () => string,
): readonly NamedModel[] {
  const source = partsOf(options);
  if (model !== undefined || source === undefined) return model ?? models(byDefault());
  const [file] = Object.values(source).filter((place) => place !== undefined);
  return models(String(file).replace(/\.(safetensors|gguf)$/i, '')).map(({ name }) => ({ name, source }));
}

/** Loads the models of a worker on one device, one after the other. */
export async function loadPipelines(run: Run, settings: WorkerSettings): Promise<NamedPipeline[]> {
  const { model, lora, lora2, tokenizer } = settings;
  const parts = partsOf(settings);
  const ofOne = { '--lora': lora ?? lora2, '--tokenizer': tokenizer, '--transformer, --vae and such': parts };
  for (const [flags, given] of Object.entries(ofOne))
    if (given !== undefined && model.length > 1)
      throw new InputError(`worker: ${flags} are for one model: start a worker for each`);
  const device = await run.device(settings);
  const { adapter, dtype, variant, header, maxMemory, offload } = settings;
  const how = { adapter, dtype, variant, header, maxMemory, offload } as ModelOptions;
  const place = settings.upsampler ?? process.env.MOVIEGEN_UPSAMPLER;
  const upsampler = place ? await run.upsampler({ ...how, model: place }) : undefined;
  const loaded: NamedPipeline[] = [];
  for (const { name, source } of model)
    loaded.push({
      name,
      upsampler,
      pipeline: await VideoPipeline.fromPretrained(source, {
        device,
        ...(typeof source === 'string' && parts && { parts }),
        ...(tokenizer !== undefined && { tokenizer }),
        ...run.filesOptions(settings),
        ...weightsOptions(settings),
        signal: run.signal,
      }),
    });
  return loaded;
}
