// Floats of weight files on the host, as fast as memory allows: what bytesToFloats (convert.ts) computes one by one,
// four at a time in WebAssembly. For adapters that compute on the host's own cores, where a kernel takes longer.
//
// A float of fewer bits, shifted so that its exponent stands where a single has it, is that single but for the bias of
// the exponent, which is added. A subnormal gets a leading one instead, which is subtracted again as a float: no
// arithmetic here meets a subnormal single, which costs a core a hundred times as much. Infinities and NaN are told
// apart by their bits.
import { bytesToFloats } from './convert.ts';
import { type Code, wasm, wasmModule } from './wasm.ts';

/** Elements that are decoded at once: those and their floats stay in a core's cache. */
export const DECODED_AT_ONCE = 2 ** 17;

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

const floats: Readonly<Record<string, Float>> = {
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
};

const { get, set, tee, i32, add, below, repeat, load16x4, load8x4, store, splat } = wasm;
const { and, or, select, greater, shiftLeft, add4, subtract } = wasm;
const [FROM, TO, END, X, MAGNITUDE] = [0, 1, 2, 3, 4];
const UNROLLED = 4;

/** Four singles out of the elements at FROM + offset, left on the stack. */
function fourOf({ bytes, magnitude, shift, bias, finite, infinity }: Float, offset: number): Code {
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
    ...[...get(X), ...splat(0x80 << (8 * bytes - 8)), ...and, ...i32(signShift), ...shiftLeft, ...or],
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

/** A function (from, to, end of from) that decodes; at least 4 UNROLLED elements, and a multiple of that. */
const walk = (bytes: number, four: (offset: number) => Code) => ({
  params: 3,
  vectors: 2,
  body: repeat([
    ...Array.from({ length: UNROLLED }, (_, k) => [
      ...get(TO),
      ...four(4 * bytes * k),
      ...store(16 * k),
    ]).flat(),
    ...[...get(TO), ...i32(16 * UNROLLED), ...add, ...set(TO)],
    ...[...get(FROM), ...i32(4 * bytes * UNROLLED), ...add, ...tee(FROM), ...get(END), ...below],
  ]),
});

type Walk = (from: number, to: number, end: number) => void;
const FLOATS_AT = 2 * DECODED_AT_ONCE;

/** The functions by type and their memory; undefined where WebAssembly is missing, forbidden or without vectors. */
function instantiate(): { functions: Readonly<Record<string, Walk>>; memory: ArrayBuffer } | undefined {
  const functions = {
    BF16: walk(2, fourOfBfloat),
    ...Object.fromEntries(
      Object.entries(floats).map(([type, float]) => [type, walk(float.bytes, (at) => fourOf(float, at))]),
    ),
  };
  const module = wasmModule(functions, (FLOATS_AT + 4 * DECODED_AT_ONCE) / 2 ** 16);
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
    const { memory, ...made } = exports as { memory: WebAssembly.Memory } & Record<string, Walk>;
    return { functions: made, memory: memory.buffer };
  } catch {
    return undefined;
  }
}

/** Decodes elements of weight files, as {@link bytesToFloats} does, into memory that each call uses again. */
export type Decode = (bytes: Uint8Array, type: string) => Float32Array<ArrayBuffer>;

/**
 * A decoder with memory of its own. It is fast on at most {@link DECODED_AT_ONCE} elements a call.
 * @param vectors whether WebAssembly may be used, where it is there.
 */
export function floatsDecoder({ vectors = true }: { readonly vectors?: boolean } = {}): Decode {
  const made = vectors ? instantiate() : undefined;
  const scratch = made?.memory ?? new ArrayBuffer(4 * DECODED_AT_ONCE);
  return (bytes, type) => {
    const decode = made && Object.hasOwn(made.functions, type) ? made.functions[type] : undefined;
    const elementBytes = type === 'F16' || type === 'BF16' ? 2 : 1;
    const count = bytes.length / elementBytes;
    if (!made || !decode || count > DECODED_AT_ONCE || !Number.isInteger(count) || count === 0)
      return bytesToFloats(bytes, type, scratch);
    new Uint8Array(made.memory).set(bytes);
    const step = 4 * UNROLLED * elementBytes;
    decode(0, FLOATS_AT, Math.ceil(bytes.length / step) * step);
    return new Float32Array(made.memory, FLOATS_AT, count);
  };
}
