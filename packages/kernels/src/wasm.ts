// Just enough of WebAssembly's binary format to write out functions that walk over its memory in vectors of 128 bits.
// What such functions compute is said elsewhere (decodeVectors.ts).

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

/** Instructions by WebAssembly's names. Lanes are four of 32 bits where nothing else is said. */
export const wasm = {
  get: (local: number): Code => [0x20, ...unsigned(local)],
  set: (local: number): Code => [0x21, ...unsigned(local)],
  tee: (local: number): Code => [0x22, ...unsigned(local)],
  i32: (value: number): Code => [0x41, ...signed(value)],
  add: [0x6a] as Code,
  below: [0x49] as Code,
  /** Runs the body, and again while it leaves something else than 0. */
  repeat: (body: Code): Code => [0x03, 0x40, ...body, 0x0d, 0, 0x0b],
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

/** The bytes of a module that exports `functions` by name, and its `memory` of so many pages of 64 KiB. */
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
