// What a caller gives as the place of a checkpoint on this machine, as a path: a path, a file: address, or a model of the hub's
// cache, whose files lie in the snapshot that the cache names. Not here: web addresses (checkpoint/files.ts).

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CheckpointError, InputError } from '../errors.ts';

/** The path of a file or a folder. @throws InputError where an address is not one of a file on this machine */
export function localPath(source: string | URL): string {
  if (typeof source === 'string' && !/^file:/i.test(source)) return source;
  try {
    return fileURLToPath(new URL(source));
  } catch (cause) {
    throw new InputError(
      `${String(source)} does not name a file on this machine: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

/**
 * The folder of a checkpoint: of `models--ORG--NAME`, a model in the hub's cache, the snapshot that `refs/main` names, else its
 * only one.
 * @throws CheckpointError where the cache does not hold it
 */
export function checkpointPath(source: string | URL): string {
  const path = localPath(source);
  const snapshots = join(path, 'snapshots');
  if (!/^(models|datasets|spaces)--./.test(basename(path)) || !existsSync(snapshots)) return path;
  const main = join(path, 'refs', 'main');
  const named = existsSync(main) ? readFileSync(main, 'utf8').trim() : undefined;
  const held = readdirSync(snapshots).filter((name) => !name.startsWith('.'));
  const snapshot = named ?? (held.length === 1 ? held[0] : undefined);
  if (snapshot !== undefined && held.includes(snapshot)) return join(snapshots, snapshot);
  const wanted = named === undefined ? 'refs/main is missing' : `refs/main names snapshot ${named}`;
  throw new CheckpointError(
    `checkpoint: ${path} is a model in the hub's cache: ${wanted}, and its snapshots are ${held.join(', ') || 'none'}: ` +
      'give the folder of a snapshot, or download the model again',
  );
}
