// moviegen inspect: lists what is in a file of weights, or what a checkpoint can do. The list of tensors is made in
// checkpoint/inspect.ts.

import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { openCheckpoint, ShardedSafetensors, type TensorSource } from '@moviegen/safetensors';
import { fileSource, folder, openFolder } from '@moviegen/safetensors/node';
import type { Command } from 'commander';
import { absenceIn, openFiles } from '../../checkpoint/files.ts';
import { inspect, inspectionTable } from '../../checkpoint/inspect.ts';
import { openWeights } from '../../checkpoint/weightsFile.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { CheckpointError, InputError } from '../../errors.ts';
import { familyOf } from '../../families/index.ts';
import { jobNames } from '../../generate/jobs.ts';
import { hubPlace } from '../../hubPlace.ts';
import { checkpointPath } from '../../node/paths.ts';
import { withCommon } from '../common.ts';
import type { CommonOptions, Run, SourceOptions } from '../run.ts';

/** Adds the command. */
export function addInspect(program: Command, run: Run): void {
  const command = program
    .command('inspect')
    .description(
      'list the tensors of a safetensors or GGUF file, of the shards of an index, or of a folder; of a whole checkpoint, what it can do',
    )
    .argument(
      '<file>',
      'a .safetensors or .gguf file, a .safetensors.index.json, or a folder that contains one of these or a model_index.json; also of the hub, as ORG/NAME/folder',
    );
  command
    .option('--variant <name>', 'which weights, where a folder has several: fp16')
    .option('--revision <name>', 'branch, tag or commit of a model of the hub (default: main)');
  withCommon(command).action(async (path: string, options: CommonOptions & SourceOptions) => {
    run.configure(options);
    const whole = await checkpointAt(path);
    if (whole !== undefined) {
      const { kind, jobs, tasks } = await (await familyOf(whole)).summary(whole, run.signal);
      if (options.json) run.print({ kind, jobs, tasks });
      else {
        run.say(`${path}: ${kind}`);
        run.say(`jobs: ${jobNames(jobs)}`);
        if (tasks.length > 0) run.say(`tasks of edits: ${tasks.join(', ')}`);
      }
      return;
    }
    const id = hubPlace(path)?.id;
    const onHub = id !== undefined && !existsSync(id);
    if (!onHub && options.revision !== undefined) openFiles(path, { revision: options.revision }); // it says what is wrong
    const source = await (onHub ? openOnHub(path, options, run.signal) : open(path, options.variant));
    try {
      const inspection = inspect(source);
      if (options.json) run.print(inspection);
      else run.say(inspectionTable(inspection));
    } finally {
      await source.close();
    }
  });
}

/** The files of a whole checkpoint: a folder with an index. */
async function checkpointAt(source: string): Promise<CheckpointFiles | undefined> {
  const path = checkpointPath(source);
  const index = await stat(join(path, 'model_index.json')).catch(() => undefined);
  return index?.isFile() ? openFiles(path, {}) : undefined;
}

async function open(source: string, variant?: string) {
  const path = checkpointPath(source);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return openFolder(path, { variant });
  const file = await fileSource(path);
  if (file === undefined)
    throw new InputError(`inspect: there is no file ${basename(path)} in ${dirname(path)}`);
  if (!/\.index(\.[\w-]+)?\.json$/.test(path)) return openWeights(file);
  return ShardedSafetensors.open(file, folder(dirname(path)));
}

/** Weights on the hub, of which only the headers are read. */
async function openOnHub(
  source: string,
  { variant, revision }: SourceOptions,
  signal: AbortSignal,
): Promise<TensorSource> {
  const [, name] = /\/([^/]+\.(?:safetensors|gguf|json))$/.exec(source) ?? [];
  const place = name === undefined ? source : source.slice(0, -name.length);
  const files = openFiles(place, { revision, download: false });
  await files.check?.(signal);
  const open = files.folder('');
  if (name === undefined) return openCheckpoint(open, { variant, signal });
  const file = await open(name, signal);
  if (file === undefined)
    throw new CheckpointError(`inspect: there is no file ${source} on the hub${absenceIn(files)}`);
  return name.endsWith('.json') ? ShardedSafetensors.open(file, open, { signal }) : openWeights(file, signal);
}
