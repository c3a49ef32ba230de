// Where a writer puts each tensor, as in the official writer: tensors are sorted by element type, highest alignment
// first, then by name, and the header is padded with spaces to a multiple of eight bytes. Equal tensors give equal
// files, byte for byte.

import { byteSize, DTYPES, dtypeRank, isDType } from './dtypes.ts';
import { counted, quoted, SafetensorsError } from './errors.ts';
import { LENGTH_BYTES, MAX_HEADER_BYTES } from './header.ts';

/** Element type and shape of a tensor to write. */
export interface TensorShape {
  /** One of `DTYPES`; another is refused. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Tensors by name. Pairs or a Map allow any name; in a record only its own keys count. */
export type TensorsByName<T> = Iterable<readonly [string, T]> | Readonly<Record<string, T>>;

/** Free text to write into the header beside the tensors. */
export type MetadataText = Readonly<Record<string, string>> | ReadonlyMap<string, string>;

/** The start of a file, and its tensors in the order of their data. */
export interface Layout<T> {
  /** The length, the header and its padding. */
  readonly head: Uint8Array<ArrayBuffer>;
  readonly tensors: readonly { readonly name: string; readonly tensor: T; readonly byteLength: number }[];
  readonly fileBytes: number;
}

/**
 * Makes the layout of a file.
 * @throws SafetensorsError for a repeated or invalid name, an invalid shape, sub-byte elements that do not fill whole
 *   bytes, metadata that is not text, or a header of more than 100 MB
 */
export function layOut<T extends TensorShape>(
  tensors: TensorsByName<T>,
  metadata: MetadataText | undefined,
  op: string,
): Layout<T> {
  const sorted = entriesOf(tensors)
    .map(([name, tensor]) => ({ name, tensor, byteLength: checkedSize(name, tensor, op) }))
    .map((entry) => ({ entry, rank: dtypeRank.get(entry.tensor.dtype)!, bytes: encoder.encode(entry.name) }))
    .sort((a, b) => b.rank - a.rank || compareBytes(a.bytes, b.bytes))
    .map(({ entry }) => entry);

  const members: string[] = [];
  if (metadata !== undefined) members.push(`"__metadata__":${metadataText(metadata, op)}`);
  let end = 0;
  let previous: string | undefined;
  const seen = new Set<string>();
  for (const { name, tensor, byteLength } of sorted) {
    if (seen.has(name)) throw new SafetensorsError({ op, what: `tensor ${quoted(name)} appears twice` });
    seen.add(name);
    previous = name;
    const { dtype, shape } = tensor;
    members.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${end},${end + byteLength}]}`,
    );
    end += byteLength;
    if (!Number.isSafeInteger(end)) throw tooLarge(previous, op);
  }
  const text = encoder.encode(`{${members.join(',')}}`);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) {
    const expected = `at most ${counted(MAX_HEADER_BYTES)}`;
    throw new SafetensorsError({
      op,
      what: 'the header is too large',
      got: `${counted(length)} bytes`,
      expected,
    });
  }
  const head = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(text, LENGTH_BYTES);
  return { head, tensors: sorted, fileBytes: head.length + end };
}

const encoder = new TextEncoder();
const LONE_SURROGATE = /\p{Surrogate}/u;

function checkedSize(name: string, { dtype, shape }: TensorShape, op: string): number {
  const wrong = (what: string, got: string, expected?: string) =>
    new SafetensorsError({ op, what: `tensor ${quoted(name)}: ${what}`, got, expected });
  if (LONE_SURROGATE.test(name)) throw wrong('the name is not valid Unicode', 'half a surrogate pair');
  if (name === '__metadata__') throw wrong('the name is taken by the format', name, 'another name');
  if (!isDType(dtype)) throw wrong('unknown dtype', quoted(String(dtype)), `one of ${DTYPES.join(' ')}`);
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0)
      throw wrong('not a size in shape', String(size), 'an integer of 0 or more');
  }
  const size = byteSize(dtype, shape);
  const described = `${dtype} [${shape.join(', ')}]`;
  if (size === 'partial') throw wrong('its elements do not fill whole bytes', described);
  if (size === 'overflow' || size > BigInt(Number.MAX_SAFE_INTEGER)) throw tooLarge(name, op);
  return Number(size);
}

function metadataText(metadata: MetadataText, op: string): string {
  const members = entriesOf<string>(metadata).map(([key, text]) => {
    const wrong = (what: string, got: string) =>
      new SafetensorsError({ op, what: `metadata ${quoted(String(key))} ${what}`, got, expected: 'text' });
    if (typeof text !== 'string') throw wrong('is not a string', typeof text);
    if (LONE_SURROGATE.test(key) || LONE_SURROGATE.test(text))
      throw wrong('is not valid Unicode', 'half a surrogate pair');
    return `${JSON.stringify(key)}:${JSON.stringify(text)}`;
  });
  return `{${members.join(',')}}`;
}

function entriesOf<T>(tensors: TensorsByName<T>): (readonly [string, T])[] {
  return Symbol.iterator in tensors
    ? [...(tensors as Iterable<readonly [string, T]>)]
    : Object.entries(tensors as Readonly<Record<string, T>>);
}

const tooLarge = (name: string, op: string) =>
  new SafetensorsError({
    op,
    what: `tensor ${quoted(name)}: the file would be too large for JavaScript to count its bytes exactly`,
  });

/** The order of UTF-8 bytes, which Rust uses. The order of JavaScript strings differs beyond U+FFFF. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
