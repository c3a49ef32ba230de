// Writes a file: as a whole into memory, or piece by piece, holding only one piece at a time.

import { counted, quoted, SafetensorsError } from './errors.ts';
import { layOut, type MetadataText, type TensorShape, type TensorsByName } from './layout.ts';
import { bytesOf } from './source.ts';

/** A tensor in memory: its raw little-endian bytes, or a typed array of them. */
export interface TensorData extends TensorShape {
  readonly data: ArrayBuffer | ArrayBufferView;
}

/** A tensor whose bytes may come later, whole or in pieces. They are requested when it is the tensor's turn to be written. */
export interface TensorStream extends TensorShape {
  readonly data: ArrayBuffer | ArrayBufferView | (() => Promise<Uint8Array> | AsyncIterable<Uint8Array>);
}

/** Options of the streaming writers. */
export interface WriteOptions {
  readonly metadata?: MetadataText;
  readonly signal?: AbortSignal;
}

/**
 * Makes a whole file in memory.
 *
 * ```ts
 * const bytes = serialize({ weight: { dtype: 'F32', shape: [2, 2], data: new Float32Array(4) } }, { format: 'pt' });
 * ```
 * @throws SafetensorsError
 */
export function serialize(
  tensors: TensorsByName<TensorData>,
  metadata?: MetadataText,
): Uint8Array<ArrayBuffer> {
  const layout = layOut(tensors, metadata, 'serialize');
  const file = new Uint8Array(layout.fileBytes);
  file.set(layout.head);
  let at = layout.head.length;
  for (const { name, tensor, byteLength } of layout.tensors) {
    const bytes = bytesOf(tensor.data);
    if (bytes.length !== byteLength) throw wrongLength('serialize', name, tensor, bytes.length, byteLength);
    file.set(bytes, at);
    at += byteLength;
  }
  return file;
}

/**
 * Makes a file as pieces, in order. The data of a tensor is requested only when it is its turn.
 * @throws SafetensorsError; the reason of the signal if aborted
 */
export async function* serializeChunks(
  tensors: TensorsByName<TensorStream>,
  { metadata, signal }: WriteOptions = {},
): AsyncGenerator<Uint8Array> {
  const layout = layOut(tensors, metadata, 'write');
  signal?.throwIfAborted();
  yield layout.head;
  for (const { name, tensor, byteLength } of layout.tensors) {
    let written = 0;
    for await (const piece of piecesOf(tensor)) {
      signal?.throwIfAborted();
      written += piece.length;
      if (written > byteLength) throw wrongLength('write', name, tensor, written, byteLength);
      if (piece.length > 0) yield piece;
    }
    if (written !== byteLength) throw wrongLength('write', name, tensor, written, byteLength);
  }
}

async function* piecesOf({ data }: TensorStream): AsyncGenerator<Uint8Array> {
  if (typeof data !== 'function') {
    yield bytesOf(data);
    return;
  }
  const given = data();
  if (Symbol.asyncIterator in given) yield* given;
  else yield await given;
}

function wrongLength(
  op: string,
  name: string,
  { dtype, shape }: TensorShape,
  got: number,
  expected: number,
): SafetensorsError {
  return new SafetensorsError({
    op,
    what: `tensor ${quoted(name)}: its data disagrees with ${dtype} [${shape.join(', ')}]`,
    got: `${counted(got)} bytes`,
    expected: counted(expected),
  });
}
