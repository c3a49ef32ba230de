// Just enough of WebAssembly's binary format to write out functions that walk over its memory in vectors of 128 bits.
// What such functions compute is said elsewhere (decodeVectors.ts).

/** Bytes of a page of its memory. */
export const PAGE_BYTES = 2 ** 16;

/** A piece of a function's body. */
export type Code = readonly number[];

/** An integer without a sign, seven bits a byte. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest & 127) | 128);
  }
}

/** Alike, with a sign. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const last = rest >> 6 === 0 || rest >> 6 === -1;
    bytes.push((rest & 127) | (last ? 0 : 128));
    if (last) return bytes;
  }
}

const vector = (opcode: number): Code => [0xfd, ...unsigned(opcode)];
const word = (bits: number): Code => [0, 8, 16, 24].map((shift) => (bits >>> shift) & 255);

/** Lanes of bytes of two vectors, a's 0 to 15 and b's 16 to 31. */
const shuffle = (lanes: readonly number[]): Code => [...vector(0x0d), ...lanes];
const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7] as const;

/** Instructions by what they do. Lanes are four of 32 bits where nothing else is said. */
export const wasm = {
  get: (local: number): Code => [0x20, ...unsigned(local)],
  set: (local: number): Code => [0x21, ...unsigned(local)],
  tee: (local: number): Code => [0x22, ...unsigned(local)],
  i32: (value: number): Code => [0x41, ...signed(value)],
  add: [0x6a] as Code,
  below: [0x49] as Code,
  /** Runs the body, and again while it leaves something else than 0. */
  repeat: (body: Code): Code => [0x03, 0x40, ...body, 0x0d, 0, 0x0b],
  /** The first body where the top of the stack is not 0, else the second one. */
  choose: (first: Code, second: Code): Code => [0x04, 0x40, ...first, 0x05, ...second, 0x0b],
  load: (offset: number): Code => [...vector(0x00), 0, ...unsigned(offset)],
  /** Four elements of 16 bits from an address and an offset, widened. */
  load16x4: (offset: number): Code => [...vector(0x04), 1, ...unsigned(offset)],
  /** Four bytes alike. */
  load8x4: (offset: number): Code => [
    ...[...vector(0x5c), 0, ...unsigned(offset)], // load32_zero
    ...[...vector(0x89), ...vector(0xa9)], // extend_low to 16 bits, to 32
  ],
  store: (offset: number): Code => [...vector(0x0b), 0, ...unsigned(offset)],
  /** The same 32 bits in all four lanes. */
  splat: (bits: number): Code => [
    ...vector(0x0c),
    ...word(bits),
    ...word(bits),
    ...word(bits),
    ...word(bits),
  ],
  and: vector(0x4e),
  or: vector(0x50),
  /** Of a and b, by the bits of a mask: a where they are ones. */
  select: vector(0x52),
  /** Ones in lanes where a is greater than b, as integers with a sign. */
  greater: vector(0x3b),
  shiftLeft: vector(0xab),
  add4: vector(0xae),
  /** As floats. */
  subtract: vector(0xe5),
  /** Two doubles as floats, and two zeros. */
  demote: vector(0x5e),
  /** The first 64 bits of a, then those of b. */
  joinLowHalves: shuffle([...EIGHT, ...EIGHT.map((k) => 16 + k)]),
  /** Whether any bit is set. */
  any: vector(0x53),
  /** Eight lanes of 16 bits. */
  eights: {
    equal: vector(0x2d),
    add: vector(0x8e),
    shiftLeft: vector(0x8b),
    /** The sign comes along. */
    shiftRight: vector(0x8c),
    /** Of two vectors the lanes in turn, a's below b's: of their lower halves, of their upper halves. */
    joinLow: shuffle([0, 1, 2, 3].flatMap((k) => [2 * k, 2 * k + 1, 16 + 2 * k, 17 + 2 * k])),
    joinHigh: shuffle([4, 5, 6, 7].flatMap((k) => [2 * k, 2 * k + 1, 16 + 2 * k, 17 + 2 * k])),
    /** The lower or upper bytes of a vector, widened with their signs. */
    ofLowBytes: vector(0x87),
    ofHighBytes: vector(0x88),
  },
  /** Sixteen lanes of bytes. */
  bytes: {
    greater: vector(0x27),
    /** a's lanes at the places that b names; 0 for those beyond. */
    pick: vector(0x0e),
    joinLow: shuffle(EIGHT.flatMap((k) => [k, 16 + k])),
    joinHigh: shuffle(EIGHT.flatMap((k) => [8 + k, 24 + k])),
  },
  /** A vector of these bytes. */
  constant: (bytes: readonly number[]): Code => [...vector(0x0c), ...bytes],
} as const;

/** A function of integers `params`, with `vectors` locals of vectors behind them. */
export interface WasmFunction {
  readonly params: number;
  readonly vectors: number;
  readonly body: Code;
}

const I32 = 0x7f;
const V128 = 0x7b;
const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const sized = (bytes: Code): Code => [...unsigned(bytes.length), ...bytes];
const name = (text: string): Code => sized([...text].map((letter) => letter.charCodeAt(0)));

/** The bytes of a module that exports `functions` by name, and its `memory` of so many pages. */
export function wasmModule(
  functions: Readonly<Record<string, WasmFunction>>,
  pages: number,
): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(functions);
  const section = (id: number, items: readonly Code[]): Code => [id, ...sized(list(items))];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      entries.map(([, { params }]) => [0x60, ...list(Array<Code>(params).fill([I32])), 0]),
    ),
    ...section(
      3,
      entries.map((_, i) => unsigned(i)),
    ),
    ...section(5, [[0, ...unsigned(pages)]]),
    ...section(7, [
      [...name('memory'), 2, 0],
      ...entries.map(([label], i) => [...name(label), 0, ...unsigned(i)]),
    ]),
    ...section(
      10,
      entries.map(([, { vectors, body }]) => sized([...list([[...unsigned(vectors), V128]]), ...body, 0x0b])),
    ),
  ]);
}
