// Quantises a checkpoint: the weights of the linear layers of its transformer and text encoders. Of a folder with a model_index.json,
// each shard becomes a smaller one of the same name, and all other files are copied (quantizeCopy.ts); of any other layout, the
// folder of diffusers is written. The result is written under another name and renamed at the end. Not here: the tensors of one file
// (quantizeFile.ts).

import { mkdir, writeFile as writeWhole } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFile } from '@moviegen/safetensors/node';
import { fileBytes } from '@moviegen/tensor';
import { addressOf, missing, openFiles, readJson } from '../checkpoint/files.ts';
import { checkPlain } from '../checkpoint/identify.ts';
import { fileOf } from '../checkpoint/singleFile.ts';
import type { TokenizerPlaces } from '../checkpoint/tokenizerFiles.ts';
import type { FilesOptions } from '../checkpointFiles.ts';
import { InputError } from '../errors.ts';
import { familyOf } from '../families/index.ts';
import { oneModel } from '../families/wan/asFolder.ts';
import { type FolderFiles, isPartPlaces, NO_FILES, type PartPlaces } from '../generate/family.ts';
import { hubPlace } from '../hubPlace.ts';
import { checkNewFolder, writeFolder } from './checkpointFolder.ts';
import { hubFolder } from './hub/hubFolder.ts';
import { withOwnParts } from './ownParts.ts';
import { quantizeCopy } from './quantizeCopy.ts';
import {
  checkSome,
  counting,
  QUANTIZED_MODULES,
  type QuantizedModule,
  type QuantizeSummary,
  type Quantizing,
  quantizedFile,
} from './quantizeFile.ts';

/** Options of {@link quantizeCheckpoint}. */
export interface QuantizeOptions extends FilesOptions, Omit<Quantizing, 'modules'> {
  /** Which models. Default: all. */
  readonly modules?: readonly QuantizedModule[] | undefined;
  /** Models in place of the checkpoint's own, each a folder or a single file (Wan). */
  readonly parts?: PartPlaces | undefined;
  /** A tokenizer that does not lie in the checkpoint. */
  readonly tokenizer?: TokenizerPlaces | undefined;
}

/**
 * Writes a checkpoint's quantised copy, piece by piece.
 * @param source what `generate` opens: a folder, an address, or ORG/NAME of the hub; also single models by their places, or a file of
 *   weights alone, of which the folder of one model is made
 * @param output a folder that does not exist or is empty.
 * @throws InputError, CheckpointError or SafetensorsError of one line, or the signal's reason; nothing is left then.
 */
export async function quantizeCheckpoint(
  source: string | URL | PartPlaces,
  output: string,
  { modules = QUANTIZED_MODULES, ...options }: QuantizeOptions,
): Promise<QuantizeSummary> {
  await checkNewFolder('quantize', output);
  const quantizing = { ...options, modules };
  if (isPartPlaces(source) || fileOf(source))
    return writeAnew(await openParts(source, options), output, quantizing);
  const { parts, signal } = options;
  const local = parts === undefined && (hubPlace(String(source)) || !isRemote(source));
  const folder = local ? await hubFolder(source, options) : undefined;
  const files = openFiles(folder ?? source, folder === undefined ? options : { variant: options.variant });
  const alone = parts === undefined && (await oneModel(files, {}, signal));
  if (alone) return writeAnew(alone, output, quantizing);
  const family = await familyOf(files, signal);
  const { tokenizer } = options;
  if (folder !== undefined && tokenizer === undefined) {
    // A copy of what cannot be loaded would be found out too late.
    if (family.asFolder)
      await (await family.open(files, { textEncoder: modules.includes('text'), signal })).close();
    const copied = await withOwnParts([folder], async ([whole]) =>
      quantizeCopy(whole!, openFiles(whole!, { variant: options.variant }), output, quantizing),
    );
    if (copied) return copied;
  }
  if (family.asFolder === undefined) {
    if ((await readJson(files, '', 'model_index.json', signal)) === undefined)
      throw await missing(files, '', 'model_index.json', signal);
    const why =
      (parts ?? tokenizer)
        ? 'whose models and tokenizers cannot be given one by one'
        : 'at an address: download its folder first';
    throw new InputError(`quantize: ${files.label} is a checkpoint of ${family.name}, ${why}`);
  }
  return writeAnew(
    await family.asFolder(files, { parts, tokenizer, http: options, signal }),
    output,
    quantizing,
  );
}

const isRemote = (source: string | URL) => /^https?:$/.test(addressOf(source)?.protocol ?? '');

/** Opens models that are given one by one, or one of them alone. */
async function openParts(
  source: string | URL | PartPlaces,
  { tokenizer, signal, ...http }: Omit<QuantizeOptions, 'modules'>,
): Promise<FolderFiles> {
  if (!isPartPlaces(source)) return (await oneModel(source, http, signal))!;
  const given = Object.entries(source).filter(([, place]) => place !== undefined);
  const [[name, place] = []] = given;
  if (given.length === 1 && name !== 'vae')
    return (await oneModel(place!, http, signal, name === 'textEncoder' ? 'umt5' : 'wan-transformer'))!;
  return familyOf(NO_FILES).then((wan) =>
    wan.asFolder!(NO_FILES, { parts: source, tokenizer, http, signal }),
  );
}

/** Writes the files of a folder that is not there yet. */
async function writeAnew(files: FolderFiles, output: string, options: Quantizing): Promise<QuantizeSummary> {
  const { format, modules, onProgress, signal } = options;
  try {
    const summary = { quantized: 0, plain: 0, bytesBefore: 0, bytesAfter: 0 };
    let totalBytes = 0;
    const onBytes = counting(onProgress, () => totalBytes);
    const made = files.parts.map(({ folder, path, module, file, weights, isLinear }) => {
      const wanted = module !== undefined && modules.includes(module);
      checkPlain(path, weights);
      const metadata = { format: 'pt' };
      const linear = wanted ? isLinear : () => false;
      const quantized = quantizedFile(weights, linear, format, { metadata, onBytes, signal });
      totalBytes += quantized.bytes;
      if (wanted) {
        summary.quantized += quantized.quantized;
        summary.plain += weights.names().length - quantized.quantized;
        summary.bytesBefore += weights.names().reduce((sum, name) => sum + fileBytes(weights, name), 0);
        summary.bytesAfter += quantized.bytes;
      }
      return { path: join(folder, file), ...quantized };
    });
    checkSome(summary, modules, files.parts[0]!.path);
    await writeFolder('quantize', output, async (folder) => {
      for (const { path, tensors, metadata } of made) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), tensors, { metadata, ...(signal && { signal }) });
      }
      for (const [path, value] of Object.entries(files.json)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeWhole(join(folder, path), `${JSON.stringify(value, null, 2)}\n`);
      }
      await files.verify(signal);
      signal?.throwIfAborted();
    });
    return summary;
  } finally {
    await files.close();
  }
}
