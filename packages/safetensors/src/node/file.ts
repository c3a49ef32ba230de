// Files of Node: a source that reads ranges, and a writer that leaves a whole file or none.

import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { counted, messageOf, SafetensorsError } from '../errors.ts';
import type { TensorsByName } from '../layout.ts';
import { Safetensors, type TensorSource } from '../safetensors.ts';
import { type OpenFile, openCheckpoint } from '../sharded.ts';
import { type ByteSource, endedEarly, type ReadOptions } from '../source.ts';
import { serializeChunks, type TensorStream, type WriteOptions } from '../write.ts';

/** Bytes of one read call: Node's own bound is 2 GiB, and an abort should not wait long. */
const READ_BYTES = 2 ** 26;

/**
 * A source over a file. Reads check that it still is the file that was opened.
 * @returns the source, or undefined where there is no such file
 * @throws SafetensorsError where it cannot be opened
 */
export async function fileSource(path: string): Promise<ByteSource | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw new SafetensorsError({ op: 'open', source: path, what: messageOf(cause), cause });
  }
  const opened = await file.stat();
  const { size, mtimeMs } = opened;
  if (!opened.isFile()) {
    await file.close();
    throw new SafetensorsError({
      op: 'open',
      source: path,
      what: 'this is no file',
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
    // At once: the system knows it already, and a turn of another thread takes longer than the answer.
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
 * @throws SafetensorsError where there is no such file, it cannot be read, or it breaks a rule of the format
 */
export async function openFile(path: string, options: ReadOptions = {}): Promise<Safetensors> {
  const source = await fileSource(path);
  if (!source) throw new SafetensorsError({ op: 'open', source: path, what: 'there is no such file' });
  return Safetensors.open(source, options);
}

/** The files of a folder, for `openCheckpoint`. */
export function folder(path: string): OpenFile {
  return (name) => fileSource(join(path, name));
}

/**
 * Opens the checkpoint in a folder: `model.safetensors`, or `model.safetensors.index.json` and its shards.
 * @throws SafetensorsError
 */
export async function openFolder(
  path: string,
  options: ReadOptions & { readonly bases?: readonly string[] } = {},
): Promise<TensorSource> {
  try {
    return await openCheckpoint(folder(path), options);
  } catch (error) {
    if (!(error instanceof SafetensorsError) || error.source) throw error;
    const { op, what, got, expected } = error;
    throw new SafetensorsError({ op, source: path, what, got, expected });
  }
}

/**
 * Writes a file: under another name first, then renamed, so that a failure or an abort leaves what was there before.
 * @returns bytes written
 * @throws SafetensorsError; the signal's reason where aborted
 */
export async function writeFile(
  path: string,
  tensors: TensorsByName<TensorStream>,
  options: WriteOptions = {},
): Promise<number> {
  const temporary = join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`); // short: names have a bound
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

/** The code of one of Node's system errors, `ENOENT` and the like. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
