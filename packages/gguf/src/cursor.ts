// Reads the values of a GGUF header one after the other. What they mean is in header.ts.

/** Thrown where the bytes end before the value: more of the file must be read, or it is cut. */
export class EndOfBytes extends Error {}

/** A value of the metadata: long arrays and arrays of texts are only counted. */
export type GgufValue = string | number | bigint | boolean | readonly number[] | { readonly length: number };

/** Longest array of numbers whose numbers are kept. */
const KEPT = 16;
const STRING = 8;
const ARRAY = 9;
/** Bytes of the values of a type, by its number; texts and arrays have no fixed size. */
const SIZES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

/** A place in little-endian bytes that moves on with every value read. */
export class Cursor {
  at = 0;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #text = new TextDecoder('utf-8', { fatal: true });

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A 64-bit count or size. It may be larger than the file: callers compare it. */
  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** @throws TypeError where it is not UTF-8 */
  string(): string {
    const length = Number(this.u64());
    const from = this.#take(length);
    return this.#text.decode(this.#bytes.subarray(from, from + length));
  }

  /** A value of a type of the metadata. @throws RangeError where there is no such type */
  value(type: number): GgufValue {
    if (type === STRING) return this.string();
    if (type === ARRAY) return this.#array();
    const at = this.#take(this.#size(type));
    const view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(at);
      case 1:
        return view.getInt8(at);
      case 2:
        return view.getUint16(at, true);
      case 3:
        return view.getInt16(at, true);
      case 4:
        return view.getUint32(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
        return view.getFloat32(at, true);
      case 7:
        return view.getUint8(at) !== 0;
      case 10:
        return view.getBigUint64(at, true);
      case 11:
        return view.getBigInt64(at, true);
      default:
        return view.getFloat64(at, true);
    }
  }

  #array(): GgufValue {
    const type = this.u32();
    const length = Number(this.u64());
    if (type === STRING) {
      for (let i = 0; i < length; i++) this.#take(Number(this.u64()));
      return { length };
    }
    const size = this.#size(type);
    if (length <= KEPT) return Array.from({ length }, () => Number(this.value(type)));
    this.#take(length * size);
    return { length };
  }

  #size(type: number): number {
    const size = SIZES[type];
    if (size === undefined) throw new RangeError(`a value of the unknown type ${type}`);
    return size;
  }

  /** Moves on. @returns where the value begins */
  #take(bytes: number): number {
    const from = this.at;
    if (from + bytes > this.#bytes.length) throw new EndOfBytes();
    this.at = from + bytes;
    return from;
  }
}
