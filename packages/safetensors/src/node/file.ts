// Files of Node: a source that reads ranges, and a writer that leaves either a complete file or no file.

import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type CheckpointOptions, openCheckpoint } from '../checkpoint.ts';
import { counted, messageOf, SafetensorsError } from '../errors.ts';
import type { TensorsByName } from '../layout.ts';
import { Safetensors, type TensorSource } from '../safetensors.ts';
import type { OpenFile } from '../sharded.ts';
import { type ByteSource, endedEarly, type ReadOptions } from '../source.ts';
import { serializeChunks, type TensorStream, type WriteOptions } from '../write.ts';

/** Bytes per read call. The limit of Node is 2 GiB, and an abort should not have to wait long. */
const READ_BYTES = 2 ** 26;

/**
 * A source over a file. Reads check that it is still the file that was opened.
 * @returns the source, or undefined if there is no such file
 * @throws SafetensorsError if it cannot be opened
 */
export async function fileSource(path: string): Promise<ByteSource | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(cause) ?? '')) return undefined;
    throw new SafetensorsError({ op: 'open', source: path, what: messageOf(cause), cause });
  }
  const opened = await file.stat();
  const { size, mtimeMs } = opened;
  if (!opened.isFile()) {
    await file.close();
    throw new SafetensorsError({
      op: 'open',
      source: path,
      what: 'this is not a file',
      expected: 'a .safetensors file',
    });
  }
  const readInto = async (bytes: Uint8Array<ArrayBuffer>, start: number, signal?: AbortSignal) => {
    for (let at = 0; at < bytes.length; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(bytes, at, Math.min(READ_BYTES, bytes.length - at), start + at);
      if (bytesRead === 0) throw endedEarly(path, start + at, start + bytes.length);
      at += bytesRead;
    }
    // Synchronous, because the system knows the answer already, and asking in another thread would take longer.
    const now = fstatSync(file.fd);
    if (now.size === size && now.mtimeMs === mtimeMs) return;
    throw new SafetensorsError({
      op: 'read',
      source: path,
      what: 'the file has changed since it was opened',
      got: `${counted(now.size)} bytes, changed ${now.mtime.toISOString()}`,
      expected: `${counted(size)} bytes`,
    });
  };
  return {
    label: path,
    byteLength: size,
    readInto,
    async read(start, end, signal) {
      const bytes = new Uint8Array(end - start);
      await readInto(bytes, start, signal);
      return bytes;
    },
    close: () => file.close(),
  };
}

/**
 * Opens a safetensors file.
 * @throws SafetensorsError if there is no such file, it cannot be read, or it breaks a rule of the format
 */
export async function openFile(path: string, options: ReadOptions = {}): Promise<Safetensors> {
  const source = await fileSource(path);
  if (!source) throw new SafetensorsError({ op: 'open', source: path, what: 'there is no such file' });
  return Safetensors.open(source, options);
}

/** The files of a folder, for `openCheckpoint`. */
export function folder(path: string): OpenFile {
  return Object.assign((name: string) => fileSource(join(path, name)), {
    list: async () => (await readdir(path).catch(() => [])).sort(),
  });
}

/**
 * Opens the checkpoint in a folder: `model.safetensors`, or `model.safetensors.index.json` and its shards.
 * @throws SafetensorsError
 */
export async function openFolder(path: string, options: CheckpointOptions = {}): Promise<TensorSource> {
  try {
    return await openCheckpoint(folder(path), options);
  } catch (error) {
    if (!(error instanceof SafetensorsError) || error.source) throw error;
    const { op, what, got, expected } = error;
    throw new SafetensorsError({ op, source: path, what, got, expected });
  }
}

/**
 * Writes a file under another name first and then renames it, so that a failure or an abort leaves the old file as it was.
 * @returns the number of bytes written
 * @throws SafetensorsError; the reason of the signal if aborted
 */
export async function writeFile(
  path: string,
  tensors: TensorsByName<TensorStream>,
  options: WriteOptions = {},
): Promise<number> {
  const temporary = join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`); // short, because the length of names is limited
  let file: FileHandle | undefined;
  try {
    file = await open(temporary, 'wx');
    let bytes = 0;
    for await (const piece of serializeChunks(tensors, options)) {
      for (let at = 0; at < piece.length; )
        at += (await file.write(piece, at, piece.length - at)).bytesWritten;
      bytes += piece.length;
    }
    options.signal?.throwIfAborted();
    await file.sync();
    await file.close();
    file = undefined;
    await rename(temporary, path);
    return bytes;
  } catch (cause) {
    await file?.close().catch(() => {});
    await rm(temporary, { force: true });
    if (codeOf(cause) === undefined || cause instanceof SafetensorsError) throw cause;
    throw new SafetensorsError({ op: 'write', source: path, what: messageOf(cause), cause });
  }
}

/** The code of a system error of Node, such as `ENOENT`. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
