// moviegen inspect: lists what is in a safetensors file. The list is made in checkpoint/inspect.ts.

import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { ShardedSafetensors } from '@moviegen/safetensors';
import { fileSource, folder, openFile, openFolder } from '@moviegen/safetensors/node';
import type { Command } from 'commander';
import { inspect, inspectionTable } from '../../checkpoint/inspect.ts';
import { InputError } from '../../errors.ts';
import { checkpointPath } from '../../node/paths.ts';
import { withCommon } from '../common.ts';
import type { CommonOptions, Run } from '../run.ts';

/** Adds the command. */
export function addInspect(program: Command, run: Run): void {
  const command = program
    .command('inspect')
    .description('list the tensors of a safetensors file, of the shards of an index, or of a folder')
    .argument(
      '<file>',
      'a .safetensors file, a .safetensors.index.json, or a folder that contains one of these',
    );
  command.option('--variant <name>', 'which weights, where a folder has several: fp16');
  withCommon(command).action(async (path: string, options: CommonOptions & { variant?: string }) => {
    run.configure(options);
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
