// Where Wan's reference cases are: folders as diffusers saves pipelines, side by side below one root, each with its cases in
// `expected/`. Reading them, and the parts that a folder shares with another one.

import { memorySource, openCheckpoint, type TensorSource } from '@moviegen/safetensors';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { InputError } from '../../errors.ts';
import { openCase, type ParityCase } from '../fixture.ts';

/** A root with folders of pipelines and their cases. */
export interface WanFixtureFiles {
  /** Names of the files and folders in a folder; of none where there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** A file's bytes, by its path. Rejects if there is no such file. */
  read(path: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** A JSON file; undefined where there is none. @throws InputError where it is not JSON */
export async function readJson<T>(files: WanFixtureFiles, path: string): Promise<T | undefined> {
  const bytes = await files.read(path).catch(() => undefined);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as T;
  } catch (cause) {
    throw new InputError(`parity: ${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** A JSON file that must be there. @throws InputError */
export async function neededJson<T>(files: WanFixtureFiles, path: string): Promise<T> {
  const json = await readJson<T>(files, path);
  if (json === undefined) throw new InputError(`parity: there is no ${path}`);
  return json;
}

/** The tensors of a case's file, `.safetensors` after its path. */
export async function readCase(files: WanFixtureFiles, path: string): Promise<ParityCase> {
  const bytes = await files.read(`${path}.safetensors`).catch(() => {
    throw new InputError(`parity: there is no ${path}.safetensors`);
  });
  return openCase({ name: nameOf(path) }, bytes);
}

/** The last part of a path, without the end of a file's name. */
export const nameOf = (path: string): string => path.replace(/^.*\//, '').replace(/\.\w+$/, '');

/** The weights in a folder. */
export const readWeights = (files: WanFixtureFiles, folder: string): Promise<TensorSource> =>
  openCheckpoint(async (name) => {
    const bytes = await files.read(`${folder}/${name}`).catch(() => undefined);
    return bytes && memorySource(bytes, name);
  });

/** Parts that fixtures of the same models need not keep twice. */
const SHARED = ['vae', 'text_encoder', 'tokenizer'] as const;

/**
 * Where each shared part of a folder is: in the folder itself, else in the first other one whose autoencoder has as many latent
 * channels as this folder's transformer gives.
 */
export async function sharedParts(
  files: WanFixtureFiles,
  folder: string,
): Promise<(part: (typeof SHARED)[number]) => string> {
  const own = await files.list(folder);
  if (SHARED.every((part) => own.includes(part))) return (part) => `${folder}/${part}`;
  const { out_channels } = await neededJson<{ out_channels: number }>(
    files,
    `${folder}/transformer/config.json`,
  );
  for (const other of [...(await files.list(''))].sort()) {
    const vae = await readJson<{ z_dim?: number }>(files, `${other}/vae/config.json`);
    const has = vae && (await files.list(other));
    if ((vae?.z_dim ?? 16) === out_channels && has && SHARED.every((part) => has.includes(part)))
      return (part) => `${own.includes(part) ? folder : other}/${part}`;
  }
  const missing = SHARED.filter((part) => !own.includes(part)).join(', ');
  throw new InputError(`parity: ${folder} has no ${missing}, and no folder beside it has what fits`);
}

/** A folder's pipeline as a checkpoint, with the parts that it shares laid in. */
export async function checkpointOf(files: WanFixtureFiles, folder: string): Promise<CheckpointFiles> {
  const place = await sharedParts(files, folder);
  const shared = (part: string): part is (typeof SHARED)[number] => SHARED.some((name) => name === part);
  return {
    label: folder,
    folder: (part) => async (name) => {
      const path = part === '' ? folder : shared(part) ? place(part) : `${folder}/${part}`;
      const bytes = await files.read(`${path}/${name}`).catch(() => undefined);
      return bytes && memorySource(bytes, name);
    },
  };
}
