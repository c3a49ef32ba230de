// Reads and checks the header of a GGUF file: metadata, and what each tensor is and where it lies. It sees the bytes of the
// header and the length of the file, and reads no tensor. Rules: ggml's gguf.md, versions 2 and 3, little-endian.
import { printable, quoted } from '@moviegen/safetensors';
import { Cursor, EndOfBytes, type GgufValue } from './cursor.ts';
import { GgufError } from './errors.ts';
import { otherType, TYPES } from './types.ts';

/** What one tensor is, and where it lies in the file. */
export interface GgufTensor {
  readonly name: string;
  /** ggml's name: `F32`, `BF16`, `Q4_K` ... */
  readonly dtype: string;
  /** Outermost axis first, as in PyTorch; the file has the opposite order. */
  readonly shape: readonly number[];
  /** Position of its first byte in the file. */
  readonly start: number;
  readonly byteLength: number;
  /** Bytes that cannot be read apart: of an element or a block. */
  readonly unitBytes: number;
}

/** A checked header. Tensors are in the order of their data. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
}

const MAX_COUNT = 1_000_000;
const MAX_AXES = 8;
const DEFAULT_ALIGNMENT = 32;
/** ComfyUI's shape of a tensor that was flattened, since ggml's own have at most four axes. */
const SHAPE_KEY = 'comfy.gguf.orig_shape.';

/**
 * @param bytes the beginning of the file
 * @returns undefined where the header is longer than these bytes
 * @throws GgufError
 */
export function parseHeader(bytes: Uint8Array, fileBytes: number, source: string): GgufHeader | undefined {
  try {
    return header(new Cursor(bytes), fileBytes, source);
  } catch (error) {
    if (error instanceof EndOfBytes) {
      if (bytes.length < fileBytes) return undefined;
      const [got, expected] = [`${fileBytes} bytes`, 'a whole file: download it again'];
      throw new GgufError({ op: 'open', source, what: 'the file ends inside its header', got, expected });
    }
    if (error instanceof GgufError) throw error;
    const what = `the header is damaged: ${error instanceof Error ? error.message : String(error)}`;
    throw new GgufError({ op: 'open', source, what });
  }
}

function header(cursor: Cursor, fileBytes: number, source: string): GgufHeader {
  const wrong = (what: string, got?: string, expected?: string) =>
    new GgufError({ op: 'open', source, what, ...(got && { got }), ...(expected && { expected }) });
  if (cursor.u32() !== 0x46554747)
    throw wrong('this is not a GGUF file', undefined, 'a file that begins with GGUF');
  const version = cursor.u32();
  if (version > 0xffff) throw wrong('the file is big-endian', undefined, 'a little-endian file');
  if (version !== 2 && version !== 3)
    throw wrong('this version of GGUF is not read', `version ${version}`, '2 or 3: convert the model again');
  const [tensorCount, valueCount] = [cursor.u64(), cursor.u64()];
  if (tensorCount > MAX_COUNT || valueCount > MAX_COUNT)
    throw wrong(
      'the header is damaged',
      `${tensorCount} tensors and ${valueCount} values`,
      `at most ${MAX_COUNT}`,
    );

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < valueCount; i++) {
    const key = cursor.string();
    if (metadata.has(key)) throw wrong(`the key ${quoted(key)} appears twice`);
    metadata.set(key, cursor.value(cursor.u32()));
  }
  const found: (Omit<GgufTensor, 'start'> & { offset: bigint })[] = [];
  const names = new Set<string>();
  const unread = new Map<string, number>();
  for (let i = 0; i < tensorCount; i++) {
    const name = cursor.string();
    if (names.has(name)) throw wrong(`the tensor ${quoted(name)} appears twice`);
    names.add(name);
    const axes = cursor.u32();
    if (axes > MAX_AXES) throw wrong(`tensor ${quoted(name)}`, `${axes} axes`, `at most ${MAX_AXES}`);
    const sizes = Array.from({ length: axes }, () => Number(cursor.u64())); // innermost first
    const id = cursor.u32();
    const offset = cursor.u64();
    const type = TYPES.get(id);
    if (type === undefined) {
      unread.set(otherType(id), (unread.get(otherType(id)) ?? 0) + 1);
      continue;
    }
    const elements = sizes.reduce((product, size) => product * size, 1);
    if (!Number.isSafeInteger(elements) || elements > fileBytes * 8)
      throw wrong(`tensor ${quoted(name)} is larger than the file`, `[${sizes.toReversed().join(', ')}]`);
    if ((sizes[0] ?? 1) % type.elements !== 0)
      throw wrong(
        `tensor ${quoted(name)}: rows are not whole blocks`,
        `${sizes[0]} elements of ${type.name}`,
        `a multiple of ${type.elements}`,
      );
    const byteLength = (elements / type.elements) * type.bytes;
    const shape = shapeOf(name, sizes.toReversed(), metadata, wrong);
    found.push({ name, dtype: type.name, shape, byteLength, unitBytes: type.bytes, offset });
  }
  if (unread.size > 0) {
    const got = [...unread].map(([name, count]) => `${name} (${count} tensors)`).join(', ');
    const expected = [...TYPES.values()].map(({ name }) => name).join(', ');
    throw wrong('the file has types that are not read', got, `${expected}: take such a file`);
  }
  const given = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  const alignment = typeof given === 'number' ? given : 0;
  if (alignment < 1 || alignment % 8 !== 0)
    throw wrong('general.alignment', printable(String(given)), 'a multiple of 8');
  const dataStart = Math.ceil(cursor.at / alignment) * alignment;
  const tensors = found
    .map(({ offset, ...tensor }) => ({ ...tensor, start: dataStart + Number(offset) }))
    .sort((a, b) => a.start - b.start);
  let end = dataStart;
  for (const { name, start, byteLength } of tensors) {
    if ((start - dataStart) % alignment !== 0 || start < end)
      throw wrong(
        `tensor ${quoted(name)} is misplaced`,
        `offset ${start - dataStart}`,
        `a multiple of ${alignment} behind the tensor before`,
      );
    end = start + byteLength;
    if (end > fileBytes)
      throw wrong(
        `tensor ${quoted(name)} lies beyond the end of the file`,
        `${fileBytes} bytes`,
        `at least ${end}: download the file again`,
      );
  }
  return { metadata, tensors };
}

/** The shape of a tensor: the one that ComfyUI noted beside it, or its own. */
function shapeOf(
  name: string,
  own: readonly number[],
  metadata: ReadonlyMap<string, GgufValue>,
  wrong: (what: string, got?: string, expected?: string) => GgufError,
): readonly number[] {
  const noted = metadata.get(SHAPE_KEY + name);
  if (noted === undefined) return own;
  const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
  if (Array.isArray(noted) && size(noted) === size(own)) return noted;
  const got = Array.isArray(noted) ? `[${noted.join(', ')}]` : 'another value';
  throw wrong(
    `${SHAPE_KEY}${printable(name)} does not fit the tensor`,
    got,
    `as many elements as [${own.join(', ')}]`,
  );
}
