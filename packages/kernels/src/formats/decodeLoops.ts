// The loops of decodeVectors.ts: sixteen elements a round, written for WebAssembly's vectors of 128 bits.
//
// A float of fewer bits, shifted so that its exponent stands where a single has it, is that single but for the bias of
// the exponent, which is added. That is done in lanes of 16 bits, the upper half of a single, where all sixteen are of
// the common kind; else four by four, where
//   - a subnormal gets a leading one, which is subtracted again as a float: no arithmetic here meets a subnormal
//     single, which costs a core a hundred times as much;
//   - infinities and NaN are told apart by their bits.
import { type Code, type WasmFunction, wasm } from './wasm.ts';

/** How a type of floats with fewer bits than 32 becomes singles. */
interface Float {
  readonly bytes: 1 | 2;
  /** Bits up to the exponent's highest, and how far left they go. */
  readonly magnitude: number;
  readonly shift: number;
  /** A single's bias of the exponent less this type's. */
  readonly bias: number;
  /** The largest finite magnitude, shifted, and whether an infinity comes next; what is greater still is NaN. */
  readonly finite: number;
  readonly infinity: boolean;
}

const narrow = {
  F16: {
    ...{ bytes: 2, magnitude: 0x7fff, shift: 13, bias: 112 },
    ...{ finite: 0x7bff << 13, infinity: true },
  },
  F8_E5M2: {
    ...{ bytes: 1, magnitude: 0x7f, shift: 21, bias: 112 },
    ...{ finite: 0x7b << 21, infinity: true },
  },
  F8_E4M3: {
    ...{ bytes: 1, magnitude: 0x7f, shift: 20, bias: 120 },
    ...{ finite: 0x7e << 20, infinity: false },
  },
} as const satisfies Readonly<Record<string, Float>>;

const { get, set, tee, i32, add, below, repeat, choose, load, load16x4, load8x4, store, splat, constant } =
  wasm;
const { and, or, select, greater, shiftLeft, add4, subtract, any, eights, bytes: sixteen } = wasm;
const { demote, joinLowHalves } = wasm;
const [FROM, TO, END] = [0, 1, 2];
/** Locals of vectors. */
const [X, Y, MAGNITUDE, LOW, HIGH] = [3, 4, 5, 6, 7];
/** Elements a round. */
export const ROUND = 16;
const signOf = ({ bytes }: Float): number => 0x80 << (8 * bytes - 8);
const both = (bits16: number): number => ((bits16 << 16) | (bits16 & 0xffff)) >>> 0;
const eachByte = (bits8: number): number => both((bits8 << 8) | bits8);

/** Four singles out of the elements at FROM + offset, left on the stack. */
function fourOf(float: Float, offset: number): Code {
  const { bytes, magnitude, shift, bias, finite, infinity } = float;
  const signShift = 32 - 8 * bytes;
  const greatest = infinity ? finite + (1 << shift) : finite;
  const one = splat((bias + 1) << 23);
  return [
    ...splat(0x7fc00000), // NaN as JavaScript writes it
    ...[...get(FROM), ...(bytes === 2 ? load16x4 : load8x4)(offset), ...tee(X)],
    ...[...splat(magnitude), ...and, ...i32(shift), ...shiftLeft, ...tee(MAGNITUDE)],
    ...[...one, ...add4, ...one, ...subtract], // subnormal
    ...[...get(MAGNITUDE), ...splat(bias << 23), ...add4], // normal
    ...[...splat(1 << 23), ...get(MAGNITUDE), ...greater, ...select],
    ...[...get(X), ...splat(signOf(float)), ...and, ...i32(signShift), ...shiftLeft, ...or],
    ...(infinity
      ? [...get(MAGNITUDE), ...splat(finite), ...greater, ...splat(0x7f800000), ...and, ...or]
      : []),
    ...[...get(MAGNITUDE), ...splat(greatest), ...greater, ...select],
  ];
}

/** bfloat16: the upper half of a single. */
const fourOfBfloat = (offset: number): Code => [
  ...[...get(FROM), ...load16x4(offset)],
  ...[...i32(16), ...shiftLeft],
];

/** Sixteen elements at FROM to TO, whatever they are. */
const anySixteen = (bytes: number, four: (offset: number) => Code): Code =>
  [0, 1, 2, 3].flatMap((k) => [...get(TO), ...four(4 * bytes * k), ...store(16 * k)]);

/** Eight singles to TO + offset, from the lower halves and the upper halves that the locals LOW and HIGH hold. */
const storeEight = (offset: number): Code => [
  ...[...get(TO), ...get(LOW), ...get(HIGH), ...eights.joinLow, ...store(offset)],
  ...[...get(TO), ...get(LOW), ...get(HIGH), ...eights.joinHigh, ...store(offset + 16)],
];

/** Sixteen halves: zeros, subnormals, infinities and NaN are rare in weights. */
function sixteenHalves(half: Float): Code {
  const bias = splat(both(half.bias << 7));
  const eight = (local: number, offset: number): Code => [
    ...[...get(local), ...i32(13), ...eights.shiftLeft, ...set(LOW)],
    ...[...get(local), ...i32(3), ...eights.shiftRight, ...splat(both(0x8fff)), ...and],
    ...[...bias, ...eights.add, ...set(HIGH)],
    ...storeEight(offset),
  ];
  // An exponent of all zeros or all ones, plus one, has no bit left but the lowest.
  const rare = (local: number): Code => [
    ...[...get(local), ...splat(both(0x0400)), ...eights.add, ...splat(both(0x7800)), ...and],
    ...[...splat(0), ...eights.equal],
  ];
  return [
    ...[...get(FROM), ...load(0), ...set(X), ...get(FROM), ...load(16), ...set(Y)],
    ...[...rare(X), ...rare(Y), ...or, ...any],
    ...choose(
      anySixteen(2, (at) => fourOf(half, at)),
      [...eight(X, 0), ...eight(Y, 32)],
    ),
  ];
}

/** Sixteen floats of 8 bits. What a subnormal is more or less than it would be as a normal one is looked up. */
function sixteenBytes(float: Float): Code {
  const { shift, bias, finite } = float;
  const up = shift - 16; // in the upper half
  const fractionBits = 23 - shift;
  const corrections = Array.from({ length: 16 }, (_, code) => {
    if (code >> fractionBits !== 0) return 0;
    const value = Float32Array.of(code * 2 ** (bias - 126 - fractionBits));
    return ((new Uint32Array(value.buffer)[0]! >>> 16) - ((bias << 7) + (code << up))) & 0xffff;
  });
  const corrected = (byte: (word: number) => number): Code => [
    ...[...constant(corrections.map(byte)), ...get(MAGNITUDE), ...sixteen.pick],
  ];
  const eight = (widen: Code, join: Code, offset: number): Code => [
    ...[...get(X), ...widen, ...i32(up), ...eights.shiftLeft, ...splat(both(0x8000 | (0x7f << up))), ...and],
    ...[...splat(both(bias << 7)), ...eights.add],
    ...[...corrected((word) => word & 255), ...corrected((word) => word >> 8), ...join, ...eights.add],
    ...[...set(HIGH), ...splat(0), ...set(LOW)],
    ...storeEight(offset),
  ];
  return [
    ...[...get(FROM), ...load(0), ...tee(X), ...splat(eachByte(0x7f)), ...and, ...tee(MAGNITUDE)],
    ...[...splat(eachByte(finite >> shift)), ...sixteen.greater, ...any],
    ...choose(
      anySixteen(1, (at) => fourOf(float, at)),
      [...eight(eights.ofLowBytes, sixteen.joinLow, 0), ...eight(eights.ofHighBytes, sixteen.joinHigh, 32)],
    ),
  ];
}

/** Sixteen doubles, rounded to nearest as JavaScript does. */
const sixteenDoubles: Code = [0, 1, 2, 3].flatMap((k) => [
  ...[...get(TO), ...get(FROM), ...load(32 * k), ...demote, ...get(FROM), ...load(32 * k + 16), ...demote],
  ...[...joinLowHalves, ...store(16 * k)],
]);

/** A function (from, to, end of from) that decodes whole rounds, at least one, of elements of so many bytes. */
const walk = (bytes: number, round: Code): DecodeLoop => ({
  bytes,
  params: 3,
  vectors: 5,
  body: repeat([
    ...round,
    ...[...get(TO), ...i32(4 * ROUND), ...add, ...set(TO)],
    ...[...get(FROM), ...i32(bytes * ROUND), ...add, ...tee(FROM), ...get(END), ...below],
  ]),
});

/** A function that decodes elements of so many bytes. */
export interface DecodeLoop extends WasmFunction {
  readonly bytes: number;
}

/** The functions by the type that they decode. */
export const decodeLoops: Readonly<Record<string, DecodeLoop>> = {
  F64: walk(8, sixteenDoubles),
  BF16: walk(2, anySixteen(2, fourOfBfloat)),
  F16: walk(2, sixteenHalves(narrow.F16)),
  F8_E5M2: walk(1, sixteenBytes(narrow.F8_E5M2)),
  F8_E4M3: walk(1, sixteenBytes(narrow.F8_E4M3)),
};
