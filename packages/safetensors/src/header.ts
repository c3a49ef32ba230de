// Reads and checks a header by every rule of the format: what a file may hold, and where. It sees only the bytes of
// the header and the length of the file, and does not read the bytes of tensors.
// The rules are the rules of the official reader (huggingface/safetensors 0.8). Where that reader is less strict than
// its own description, the description counts: the header begins with `{`, no name appears twice, a tensor is an
// object. Unknown fields of a tensor are ignored, as in the official reader.

import { byteSize, DTYPES, isDType, type SafetensorsDType } from './dtypes.ts';
import { counted, messageOf, quoted, SafetensorsError } from './errors.ts';
import { type Json, parseJson } from './json.ts';

/** The official limit on the size of a header, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;
/** How many bytes the length in front of the header takes. */
export const LENGTH_BYTES = 8;

/** What one tensor is, and where it lies in the file. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Position of its first byte in the file. */
  readonly start: number;
  /** Number of bytes of its data. */
  readonly byteLength: number;
}

/** A checked header. Tensors are in the order of their data. */
export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly TensorInfo[];
  /** Where the data starts: after the length and the header. */
  readonly dataStart: number;
}

/** Which operation reads which source, for error messages. */
export interface Reading {
  readonly op: string;
  readonly source: string;
}

const U64_MAX = 2n ** 64n - 1n;

/**
 * The header's length from a file's first eight bytes.
 * @param fileBytes length of the whole file, or undefined if it is not known yet
 * @throws SafetensorsError
 */
export function headerLength(first: Uint8Array, fileBytes: number | undefined, where: Reading): number {
  if (first.length < LENGTH_BYTES || (fileBytes !== undefined && fileBytes < LENGTH_BYTES)) {
    throw new SafetensorsError({
      ...where,
      what: 'the file is too short to hold a header length',
      got: `${counted(fileBytes ?? first.length)} bytes`,
      expected: `at least ${LENGTH_BYTES}`,
    });
  }
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new SafetensorsError({
      ...where,
      what: 'the header is too large',
      got: `${counted(length)} bytes`,
      expected: `at most ${counted(MAX_HEADER_BYTES)} (is this a safetensors file?)`,
    });
  }
  if (fileBytes !== undefined && length > BigInt(fileBytes - LENGTH_BYTES)) {
    throw new SafetensorsError({
      ...where,
      what: 'the file ends inside its header',
      got: `${counted(fileBytes)} bytes`,
      expected: `at least ${counted(length + BigInt(LENGTH_BYTES))} (the download or copy is incomplete: fetch it again)`,
    });
  }
  return Number(length);
}

/**
 * Parses and checks a header.
 * @param bytes the header, without the length in front of it
 * @param fileBytes length of the whole file, or undefined for a stream, whose end its reader checks
 * @throws SafetensorsError
 */
export function parseHeader(bytes: Uint8Array, fileBytes: number | undefined, where: Reading): Header {
  const root = parseRoot(bytes, where);
  const metadata = parseMetadata(root.get('__metadata__'), where);
  const entries: Entry[] = [];
  for (const [name, value] of root) {
    if (name !== '__metadata__') entries.push(parseEntry(name, value, where));
  }
  entries.sort((a, b) => compare(a.begin, b.begin) || compare(a.end, b.end));

  const dataStart = LENGTH_BYTES + bytes.length;
  const tensors: TensorInfo[] = [];
  let end = 0n;
  let previous = '';
  for (const entry of entries) {
    checkPlace(entry, end, previous, where);
    checkSize(entry, where);
    end = entry.end;
    previous = entry.name;
    const { name, dtype, shape } = entry;
    tensors.push({
      name,
      dtype,
      shape: shape.map((size) => exact(size, `shape of tensor ${quoted(name)}`, where)),
      start: dataStart + exact(entry.begin, `data_offsets of tensor ${quoted(name)}`, where),
      byteLength: exact(entry.end - entry.begin, `data_offsets of tensor ${quoted(name)}`, where),
    });
  }
  if (fileBytes !== undefined && BigInt(dataStart) + end !== BigInt(fileBytes)) {
    const early = BigInt(fileBytes) < BigInt(dataStart) + end;
    throw new SafetensorsError({
      ...where,
      what: early ? 'the file ends early' : 'bytes that belong to no tensor follow the last one',
      got: `${counted(fileBytes)} bytes`,
      expected: `${counted(BigInt(dataStart) + end)} by its header${early ? ' (the download or copy is incomplete: fetch it again)' : ''}`,
    });
  }
  return { metadata, tensors, dataStart };
}

function parseRoot(bytes: Uint8Array, where: Reading): Map<string, Json> {
  if (bytes[0] !== 0x7b) {
    throw new SafetensorsError({
      ...where,
      what: "the header does not begin with '{'",
      got: bytes.length === 0 ? 'an empty header' : `byte 0x${bytes[0]!.toString(16).padStart(2, '0')}`,
      expected: 'a JSON object',
    });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SafetensorsError({ ...where, what: 'the header is not UTF-8', cause });
  }
  let root: Json;
  try {
    root = parseJson(text);
  } catch (cause) {
    throw new SafetensorsError({ ...where, what: `the header is not JSON: ${messageOf(cause)}`, cause });
  }
  if (!(root instanceof Map))
    throw new SafetensorsError({ ...where, what: 'internal: the header is not an object' });
  return root;
}

function parseMetadata(value: Json | undefined, where: Reading): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = Object.create(null);
  if (value === undefined || value === null) return metadata;
  if (!(value instanceof Map)) {
    throw new SafetensorsError({ ...where, what: '__metadata__ is not an object', got: kind(value) });
  }
  for (const [key, text] of value) {
    if (typeof text !== 'string') {
      throw new SafetensorsError({
        ...where,
        what: `__metadata__ ${quoted(key)} is not a string`,
        got: kind(text),
        expected: 'a string',
      });
    }
    metadata[key] = text;
  }
  return metadata;
}

interface Entry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly bigint[];
  readonly begin: bigint;
  readonly end: bigint;
}

function parseEntry(name: string, value: Json, where: Reading): Entry {
  const wrong = (field: string, got: string, expected: string) =>
    new SafetensorsError({ ...where, what: `tensor ${quoted(name)}: ${field}`, got, expected });
  if (!(value instanceof Map)) throw wrong('not a description', kind(value), 'an object');
  const dtype = value.get('dtype');
  if (dtype === undefined) throw wrong('no dtype', 'nothing', `one of ${DTYPES.join(' ')}`);
  if (typeof dtype !== 'string' || !isDType(dtype)) {
    const got = typeof dtype === 'string' ? quoted(dtype) : kind(dtype);
    throw wrong('unknown dtype', got, `one of ${DTYPES.join(' ')}`);
  }
  const shape = value.get('shape');
  if (!Array.isArray(shape)) throw wrong('no shape', kind(shape), 'an array of sizes');
  for (const size of shape)
    if (!isU64(size)) throw wrong('not a size in shape', kind(size), 'an integer of 0 or more');
  const offsets = value.get('data_offsets');
  if (!Array.isArray(offsets) || offsets.length !== 2) {
    const got = Array.isArray(offsets) ? `${offsets.length} numbers` : kind(offsets);
    throw wrong('data_offsets are not [begin, end]', got, 'two integers');
  }
  const [begin, end] = offsets as [Json, Json];
  if (!isU64(begin) || !isU64(end)) {
    throw wrong(
      'data_offsets are not [begin, end]',
      `${kind(begin)} and ${kind(end)}`,
      'two integers of 0 or more',
    );
  }
  return { name, dtype, shape: shape as bigint[], begin, end };
}

function checkPlace(entry: Entry, expected: bigint, previous: string, where: Reading): void {
  const got = `[${counted(entry.begin)}, ${counted(entry.end)}]`;
  const wrong = (what: string, should: string) =>
    new SafetensorsError({ ...where, what: `tensor ${quoted(entry.name)}: ${what}`, got, expected: should });
  if (entry.end < entry.begin) throw wrong('data_offsets run backwards', 'begin <= end');
  const start = `a begin of ${counted(expected)}`;
  if (entry.begin < expected)
    throw wrong(`data_offsets overlap the data of tensor ${quoted(previous)}`, start);
  if (entry.begin > expected) throw wrong('data_offsets leave a gap before this tensor', start);
}

function checkSize(entry: Entry, where: Reading): void {
  const { name, dtype, shape } = entry;
  const sizes =
    shape.slice(0, 8).join(', ') + (shape.length > 8 ? `, ... (${counted(shape.length)} axes)` : '');
  const described = `${dtype} [${sizes}]`;
  const size = byteSize(dtype, shape);
  if (size === 'overflow') {
    throw new SafetensorsError({
      ...where,
      what: `tensor ${quoted(name)}: its size overflows 64 bits`,
      got: described,
    });
  }
  if (size === 'partial') {
    throw new SafetensorsError({
      ...where,
      what: `tensor ${quoted(name)}: its elements do not fill whole bytes`,
      got: described,
    });
  }
  if (entry.end - entry.begin !== size) {
    throw new SafetensorsError({
      ...where,
      what: `tensor ${quoted(name)}: data_offsets disagree with ${described}`,
      got: `${counted(entry.end - entry.begin)} bytes`,
      expected: counted(size),
    });
  }
}

const isU64 = (value: Json): value is bigint => typeof value === 'bigint' && value >= 0n && value <= U64_MAX;
const compare = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0);

/** JavaScript counts exactly up to 2^53 - 1. Larger numbers are an error here; the official reader accepts them. */
function exact(value: bigint, what: string, where: Reading): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new SafetensorsError({
    ...where,
    what: `${what} is too large for JavaScript to count exactly`,
    got: counted(value),
    expected: `at most ${counted(Number.MAX_SAFE_INTEGER)}`,
  });
}

/** Describes a JSON value in words. */
function kind(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return `the number ${value}`;
  if (typeof value === 'number')
    return `a number not written as an integer (${Object.is(value, -0) ? '-0' : value})`;
  if (typeof value === 'string') return `the string ${quoted(value)}`;
  return Array.isArray(value) ? 'an array' : 'an object';
}
