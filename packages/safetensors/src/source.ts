// Where bytes come from: memory or a Blob here, HTTP in http.ts, files in node/. A source gives exact ranges
// of something whose length is known; what the bytes mean is not its business.

import { counted, SafetensorsError } from './errors.ts';

/** Something with a length that gives byte ranges. */
export interface ByteSource {
  /** Its name in messages: a path, an address, `memory`. */
  readonly label: string;
  readonly byteLength: number;
  /**
   * Bytes `start` up to `end` (exclusive), in a buffer of their own that the caller may keep and change.
   * @throws SafetensorsError where they cannot be had whole
   */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** Fills `target` with the bytes from `start` on: for callers that use one buffer again and again. */
  readInto?(target: Uint8Array<ArrayBuffer>, start: number, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Options of a read. */
export interface ReadOptions {
  readonly signal?: AbortSignal;
}

/** What a caller may give in place of a {@link ByteSource}. A string or URL is an http(s) address. */
export type SourceLike = ByteSource | ArrayBuffer | ArrayBufferView | Blob | URL | string;

/** A source over bytes in memory; they are not copied until read. */
export function memorySource(data: ArrayBuffer | ArrayBufferView, label = 'memory'): ByteSource {
  const bytes = bytesOf(data);
  return {
    label,
    byteLength: bytes.length,
    async read(start, end, signal) {
      signal?.throwIfAborted();
      checkRange(start, end, bytes.length, label);
      return new Uint8Array(bytes.subarray(start, end));
    },
    async close() {},
  };
}

/** A source over a Blob or File: only the ranges asked for are loaded. */
export function blobSource(blob: Blob, label = nameOf(blob)): ByteSource {
  return {
    label,
    byteLength: blob.size,
    async read(start, end, signal) {
      signal?.throwIfAborted();
      checkRange(start, end, blob.size, label);
      let bytes: Uint8Array<ArrayBuffer>;
      try {
        bytes = new Uint8Array(await blob.slice(start, end).arrayBuffer());
      } catch (cause) {
        throw new SafetensorsError({ op: 'read', source: label, what: 'the file cannot be read', cause });
      }
      signal?.throwIfAborted();
      if (bytes.length !== end - start) throw endedEarly(label, start + bytes.length, end);
      return bytes;
    },
    async close() {},
  };
}

/** The bytes of a buffer or of any view of one, without a copy. */
export function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** The error of a source that has fewer bytes than it said. */
export function endedEarly(label: string, at: number, wanted: number): SafetensorsError {
  return new SafetensorsError({
    op: 'read',
    source: label,
    what: 'the file ended early: it has changed since it was opened',
    got: `an end at byte ${counted(at)}`,
    expected: `at least ${counted(wanted)}`,
  });
}

function checkRange(start: number, end: number, length: number, label: string): void {
  if (start >= 0 && start <= end && end <= length) return;
  const what = `internal: range ${start} to ${end} of ${length} bytes`;
  throw new SafetensorsError({ op: 'read', source: label, what });
}

const nameOf = (blob: Blob): string => ('name' in blob && typeof blob.name === 'string' ? blob.name : 'blob');
