// A checkpoint's folder on this machine, for commands that write a new checkpoint of its files: one of the hub is downloaded
// first. Not here: loading, which downloads only what it reads (hubFiles.ts).

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openFiles } from '../../checkpoint/files.ts';
import type { FilesOptions } from '../../checkpointFiles.ts';
import { InputError } from '../../errors.ts';
import { hubPlace } from '../../hubPlace.ts';
import { checkpointPath } from '../paths.ts';
import { hubFiles } from './hubFiles.ts';

/** The same weights for other libraries. */
const OTHERS = /\.(bin|ckpt|pth?|msgpack|h5|onnx(_data)?|gguf|ot|pb|tflite|pkl|npz)$/i;

/**
 * The folder of a checkpoint: a path, a file: address, a model of the hub's cache, or ORG/NAME, whose files are downloaded.
 * @throws CheckpointError, InputError; the signal's reason
 */
export async function hubFolder(
  source: string | URL,
  options: FilesOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const place = typeof source === 'string' ? hubPlace(source) : undefined;
  if (place === undefined || existsSync(place.id)) {
    if (options.revision !== undefined) openFiles(source, options); // it says what is wrong
    return checkpointPath(source);
  }
  const files = hubFiles(place, options);
  const { folder, paths } = await files.located(options.signal);
  const names = new Set(paths);
  // A pipeline's folder may hold the whole once more, in one file at its top.
  const isWanted = (path: string) =>
    !OTHERS.test(path) &&
    !/(^|\/)\./.test(path) &&
    !(names.has('model_index.json') && /^[^/]+\.safetensors$/.test(path)) &&
    !(isVariant(path, names) && !path.includes(`.${options.variant}.`));
  const wanted = paths.filter(isWanted);
  if (wanted.length === 0) throw new InputError(`checkpoint: there is nothing in ${source} on the hub`);
  for (const path of wanted) await (await files.folder('')(path, options.signal))?.close();
  return join(folder, '');
}

/** Whether weights are a variant of others, like `model.fp16.safetensors`. */
function isVariant(path: string, names: ReadonlySet<string>): boolean {
  const plain = path.replace(/\.[\w-]+(?=(-\d{5}-of-\d{5})?\.safetensors$)/, '');
  return plain !== path && names.has(plain);
}
