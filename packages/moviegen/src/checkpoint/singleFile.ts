// A model in one file of weights, whose config lies beside it or is told by the weights. Not here: a model's folder (modelFiles.ts).

import type { TensorSource } from '@moviegen/safetensors';
import type { CheckpointFiles, Place } from '../checkpointFiles.ts';
import { CheckpointError } from '../errors.ts';
import { absenceIn, addressOf, type FilesOptions, openFiles, pathOf, readJson } from './files.ts';
import { isWeightsFile, openWeights } from './weightsFile.ts';

/** A file of weights, open, and the `config.json` beside it. */
export interface SingleFile {
  readonly path: string;
  readonly config: unknown;
  readonly weights: TensorSource;
}

/** The folder and the name of a file, of weights unless `is` says otherwise; undefined where a source is none by its name. */
export function fileOf(
  source: string | URL | CheckpointFiles,
  is: (path: string) => boolean = isWeightsFile,
): { folder: string | URL; name: string } | undefined {
  if (typeof source === 'object' && !(source instanceof URL)) return undefined;
  const url = addressOf(source);
  const path = url?.pathname ?? String(source);
  if (!is(path)) return undefined;
  const name = /[^/\\]+$/.exec(path)![0];
  const above = path.slice(0, -name.length);
  if (url === undefined) return { folder: above || '.', name };
  url.pathname = above;
  return { folder: url, name: decodeURIComponent(name) };
}

/** Opens a file of weights. @throws CheckpointError, GgufError, SafetensorsError */
export async function openSingle(
  { folder, name }: { readonly folder: Place; readonly name: string },
  options: FilesOptions,
  signal: AbortSignal | undefined,
): Promise<SingleFile> {
  const files = openFiles(folder, options);
  const file = await files.folder('')(name, signal);
  const path = pathOf(files, '', name);
  if (file === undefined)
    throw new CheckpointError(`checkpoint: there is no file ${path}${absenceIn(files)}`);
  const weights = await openWeights(file, signal);
  return { path, weights, config: await readJson(files, '', 'config.json', signal) };
}
