// Many tensors in one go, front to back: small ones share a read, large ones come in pieces, and the next reads are
// under way while a piece is being used. A few buffers are used in turn, so that memory stays flat whatever is read.

import type { ByteSource, ReadOptions } from './source.ts';

/** Some bytes of a tensor. */
export interface TensorPiece {
  readonly name: string;
  /** Where in the tensor the bytes begin; elements are whole. */
  readonly offset: number;
  /** Valid only until the next piece is asked for: the buffer is used again. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Options of reading many tensors. */
export interface PieceOptions extends ReadOptions {
  /** Bytes of a read at most, a multiple of 16. Default 2 MiB. */
  readonly pieceBytes?: number;
}

/** Where a tensor's bytes are. */
export interface TensorSpan {
  readonly name: string;
  readonly source: ByteSource;
  readonly start: number;
  readonly byteLength: number;
  /** Bytes that stay together in a piece, at most those of a read. Default 16, of which every type has whole elements. */
  readonly unitBytes?: number;
}

/** Bytes between neighbours that are read rather than that the read is split: other formats align tensors. */
const GAP = 64;
/** Reads under way at once, including the one being used. */
const BUFFERS = 4;

/** The bytes of tensors, in the order given. Tensors without bytes are passed over. */
export async function* piecesOf(
  spans: readonly TensorSpan[],
  { pieceBytes = 2 ** 21, signal }: PieceOptions = {},
): AsyncGenerator<TensorPiece> {
  const blocks = blocksOf(spans, pieceBytes);
  const free = Array.from({ length: Math.min(BUFFERS, blocks.length) }, (): Buffer => ({ bytes: undefined }));
  const reads: { readonly buffer: Buffer; readonly bytes: Promise<Uint8Array<ArrayBuffer>> }[] = [];
  let next = 0;
  const readAhead = () => {
    while (free.length > 0 && next < blocks.length) {
      const buffer = free.pop()!;
      const bytes = read(blocks[next++]!, buffer, pieceBytes, signal);
      bytes.catch(() => {}); // the error is thrown where `bytes` is awaited, unless the consumer stops before
      reads.push({ buffer, bytes });
    }
  };
  try {
    for (const block of blocks) {
      readAhead();
      const { buffer, bytes } = reads.shift()!;
      const data = await bytes;
      for (const { name, offset, from, to } of block.parts)
        yield { name, offset, data: data.subarray(from, to) };
      free.push(buffer);
    }
  } finally {
    await Promise.allSettled(reads.map(({ bytes }) => bytes)); // so that nothing reads from a source that its owner closes next
  }
}

/** One read, and the tensors whose bytes it holds. */
interface Block {
  readonly source: ByteSource;
  readonly start: number;
  readonly end: number;
  readonly parts: readonly BlockPart[];
}

interface BlockPart {
  readonly name: string;
  readonly offset: number;
  /** In the block. */
  readonly from: number;
  readonly to: number;
}

/** Neighbours that fit into a read together share it; a tensor that does not fit has reads of its own. */
function blocksOf(spans: readonly TensorSpan[], pieceBytes: number): Block[] {
  const blocks: Block[] = [];
  let parts: BlockPart[] = [];
  let open: { source: ByteSource; start: number; end: number } | undefined;
  const close = () => {
    if (open) blocks.push({ ...open, parts });
    open = undefined;
  };
  for (const { name, source, start, byteLength, unitBytes = 16 } of spans) {
    const end = start + byteLength;
    const near = open?.source === source && start >= open.end && start - open.end < GAP;
    const joins = near && end - open!.start <= pieceBytes;
    if (!joins) {
      close();
      const step = pieceBytes - (pieceBytes % unitBytes);
      for (let at = start; at < end; at += step) {
        close();
        parts = [{ name, offset: at - start, from: 0, to: Math.min(step, end - at) }];
        open = { source, start: at, end: Math.min(at + step, end) };
      }
    } else if (open && byteLength > 0) {
      parts.push({ name, offset: 0, from: start - open.start, to: end - open.start });
      open.end = end;
    }
  }
  close();
  return blocks;
}

/** Memory that a read may use. It is allocated at its first use. */
interface Buffer {
  bytes: Uint8Array<ArrayBuffer> | undefined;
}

/** A block's bytes: in the buffer where the source can read into one. */
async function read(
  { source, start, end }: Block,
  buffer: Buffer,
  pieceBytes: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!source.readInto) return source.read(start, end, signal);
  buffer.bytes ??= new Uint8Array(pieceBytes);
  const target = buffer.bytes.subarray(0, end - start);
  await source.readInto(target, start, signal);
  return target;
}
