// moviegen inspect: lists what is in a file of weights, or what a checkpoint can do. The list of tensors is made in
// checkpoint/inspect.ts.

import { existsSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { ShardedSafetensors, type TensorSource } from '@moviegen/safetensors';
import { fileSource, folder } from '@moviegen/safetensors/node';
import type { Command } from 'commander';
import { absenceIn, openFiles, readJson } from '../../checkpoint/files.ts';
import { openFolderWeights } from '../../checkpoint/folderWeights.ts';
import { inspect, inspectionTable, short } from '../../checkpoint/inspect.ts';
import { openWeights } from '../../checkpoint/weightsFile.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { CheckpointError, InputError } from '../../errors.ts';
import { familyOf } from '../../families/index.ts';
import { isOriginal } from '../../families/wan/layout.ts';
import { transformerSummary } from '../../families/wan/summary.ts';
import type { CheckpointSummary } from '../../generate/family.ts';
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
    const id = hubPlace(path)?.id;
    const onHub = id !== undefined && !existsSync(id);
    const elsewhere = onHub || path.includes('://');
    const folder = elsewhere || statSync(path, { throwIfNoEntry: false })?.isDirectory();
    const whole = folder ? await checkpointAt(path, onHub ? options : {}) : undefined;
    if (whole !== undefined) {
      const summary = await (await familyOf(whole)).summary(whole, run.signal);
      if (options.json) run.print(summary);
      else for (const line of summaryLines(path, summary)) run.say(line);
      return;
    }
    if (!onHub && options.revision !== undefined) openFiles(path, { revision: options.revision }); // it says what is wrong
    const { source, files } = await (onHub
      ? openOnHub(path, options, run.signal)
      : open(path, options.variant));
    try {
      const inspection = inspect(source);
      const isWan = inspection.identity?.kind === 'wan-transformer';
      const model = isWan
        ? await transformerSummary(source, await readJson(files, '', 'config.json', run.signal))
        : undefined;
      if (options.json) run.print({ ...inspection, ...model });
      else {
        run.say(inspectionTable(inspection));
        if (model) run.say(`${model.kind}\njobs: ${jobNames(model.jobs)}`);
      }
    } finally {
      await source.close();
    }
  });
}

/** The files of a whole checkpoint: a folder with an index, or one of the original repository of Wan. */
async function checkpointAt(
  source: string,
  { revision }: SourceOptions,
): Promise<CheckpointFiles | undefined> {
  if (/\.(json|safetensors|gguf)$/.test(source)) return undefined;
  const files = openFiles(source, { download: false, ...(revision !== undefined && { revision }) });
  await files.check?.();
  const indexed = (await readJson(files, '', 'model_index.json')) !== undefined;
  return indexed || (await isOriginal(files)) ? files : undefined;
}

/** What a checkpoint is, for a terminal. */
function* summaryLines(path: string, summary: CheckpointSummary): Generator<string> {
  const { kind, jobs, tasks, generation, parts = [], problems = [] } = summary;
  yield `${path}: ${kind}`;
  yield `jobs: ${jobNames(jobs)}`;
  if (tasks.length > 0) yield `tasks of edits: ${tasks.join(', ')}`;
  if (generation) {
    const { video, sampler } = generation.defaults;
    yield `made for: ${video.width}x${video.height}, ${video.numFrames} frames at ${video.fps} a second, ${sampler.steps} steps`;
  }
  const width = Math.max(...parts.map(({ part }) => part.length));
  for (const { part, dtypes, parameters, bytes } of parts)
    yield `  ${part.padEnd(width)}  ${parameters.toLocaleString('en-US')} parameters, ${short(bytes)} in ${dtypes.join(', ')}`;
  for (const problem of problems) yield `problem: ${problem}`;
}

/** Weights, and the files beside them. */
interface Opened {
  readonly source: TensorSource;
  readonly files: CheckpointFiles;
}

async function open(place: string, variant?: string): Promise<Opened> {
  const path = checkpointPath(place);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    const files = openFiles(path, { variant });
    return { files, source: await openFolderWeights(files, '') };
  }
  const files = openFiles(dirname(path));
  const file = await fileSource(path);
  if (file === undefined)
    throw new InputError(`inspect: there is no file ${basename(path)} in ${dirname(path)}`);
  if (!/\.index(\.[\w-]+)?\.json$/.test(path)) return { files, source: await openWeights(file) };
  return { files, source: await ShardedSafetensors.open(file, folder(dirname(path))) };
}

/** Weights on the hub, of which only the headers are read. */
async function openOnHub(
  source: string,
  { variant, revision }: SourceOptions,
  signal: AbortSignal,
): Promise<Opened> {
  const [, name] = /\/([^/]+\.(?:safetensors|gguf|json))$/.exec(source) ?? [];
  const place = name === undefined ? source : source.slice(0, -name.length);
  const files = openFiles(place, { variant, revision, download: false });
  await files.check?.(signal);
  const open = files.folder('');
  if (name === undefined) return { files, source: await openFolderWeights(files, '', signal) };
  const file = await open(name, signal);
  if (file === undefined)
    throw new CheckpointError(`inspect: there is no file ${source} on the hub${absenceIn(files)}`);
  const isIndex = name.endsWith('.json');
  return {
    files,
    source: await (isIndex ? ShardedSafetensors.open(file, open, { signal }) : openWeights(file, signal)),
  };
}
