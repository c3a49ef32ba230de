// moviegen inspect: lists what is in a safetensors file, or what a checkpoint can do. The list of tensors is made in
// checkpoint/inspect.ts.

import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ShardedSafetensors } from '@moviegen/safetensors';
import { fileSource, folder, openFile, openFolder } from '@moviegen/safetensors/node';
import type { Command } from 'commander';
import { openFiles } from '../../checkpoint/files.ts';
import { inspect, inspectionTable } from '../../checkpoint/inspect.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { InputError } from '../../errors.ts';
import { familyOf } from '../../families/index.ts';
import { jobNames } from '../../generate/jobs.ts';
import { checkpointPath } from '../../node/paths.ts';
import { withCommon } from '../common.ts';
import type { CommonOptions, Run } from '../run.ts';

/** Adds the command. */
export function addInspect(program: Command, run: Run): void {
  const command = program
    .command('inspect')
    .description(
      'list the tensors of a safetensors file, of the shards of an index, or of a folder; of a whole checkpoint, what it can do',
    )
    .argument(
      '<file>',
      'a .safetensors file, a .safetensors.index.json, or a folder that contains one of these or a model_index.json',
    );
  command.option('--variant <name>', 'which weights, where a folder has several: fp16');
  withCommon(command).action(async (path: string, options: CommonOptions & { variant?: string }) => {
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
    const source = await open(path, options.variant);
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
  if (!/\.index(\.[\w-]+)?\.json$/.test(path)) return openFile(path);
  const index = await fileSource(path);
  if (index === undefined)
    throw new InputError(`inspect: there is no file ${basename(path)} in ${dirname(path)}`);
  return ShardedSafetensors.open(index, folder(dirname(path)));
}
