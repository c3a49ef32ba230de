// Floats of weight files on the host, as fast as memory allows: what bytesToFloats (convert.ts) computes one by one,
// sixteen at a time in WebAssembly (decodeLoops.ts). For adapters that compute on the host's own cores, where a kernel
// takes longer.
import { bytesToFloats } from './convert.ts';
import { decodeLoops, ROUND } from './decodeLoops.ts';
import { PAGE_BYTES, wasmModule } from './wasm.ts';

/** Elements that are decoded at once: those and their floats stay in a core's cache. */
export const DECODED_AT_ONCE = 2 ** 17;

/** Decodes from an address to another until the first one's end, by whole rounds. */
type Walk = (from: number, to: number, end: number) => void;
/** Where WebAssembly's memory has what: floats, elements that come from elsewhere (of 8 bytes at most), room for reads. */
const FLOATS_AT = 0;
const ELEMENTS_AT = 4 * DECODED_AT_ONCE;
const ROOM_AT = ELEMENTS_AT + 8 * DECODED_AT_ONCE;
/** A last round may go on behind what is decoded. */
const SLACK = 8 * ROUND;

/** The functions by type and their memory; undefined where WebAssembly is missing, forbidden or without vectors. */
function instantiate(
  room: number,
): { functions: Readonly<Record<string, Walk>>; memory: ArrayBuffer } | undefined {
  try {
    const module = wasmModule(decodeLoops, Math.ceil((ROOM_AT + room + SLACK) / PAGE_BYTES));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
    const { memory, ...functions } = exports as { memory: WebAssembly.Memory } & Record<string, Walk>;
    return { functions, memory: memory.buffer };
  } catch {
    return undefined;
  }
}

/**
 * Decodes elements of weight files, as {@link bytesToFloats} does, into memory that each call uses again. Bytes that
 * were read into memory of {@link FloatsDecoder.allocate} are decoded where they are.
 */
export class FloatsDecoder {
  readonly #made: ReturnType<typeof instantiate>;
  /** For what has no function; apart from what the bytes may lie in. */
  #scratch: ArrayBuffer | undefined;
  readonly #room: number;
  #allocated = 0;

  /**
   * @param vectors whether WebAssembly may be used, where it is there.
   * @param room bytes that `allocate` has to give.
   */
  constructor({ vectors = true, room = 0 }: { readonly vectors?: boolean; readonly room?: number } = {}) {
    this.#made = vectors ? instantiate(room) : undefined;
    this.#room = room;
  }

  /** Memory to read into, out of the decoder's room while there is some left. */
  allocate(bytes: number): Uint8Array<ArrayBuffer> {
    const at = ROOM_AT + this.#allocated;
    if (!this.#made || this.#allocated + bytes > this.#room) return new Uint8Array(bytes);
    this.#allocated += bytes;
    return new Uint8Array(this.#made.memory, at, bytes);
  }

  /** Takes back all that was allocated. */
  release(): void {
    this.#allocated = 0;
  }

  /**
   * Fast on at most {@link DECODED_AT_ONCE} elements a call.
   * @param type of the bytes, by its safetensors name.
   * @returns the floats, the caller's until the next call.
   * @throws where the type is unknown or the bytes are no whole number of elements.
   */
  decode(bytes: Uint8Array, type: string): Float32Array<ArrayBuffer> {
    const made = this.#made;
    const loop = made && Object.hasOwn(decodeLoops, type) ? decodeLoops[type] : undefined;
    const count = loop ? bytes.length / loop.bytes : 0;
    if (!made || !loop || count > DECODED_AT_ONCE || !Number.isInteger(count) || count === 0) {
      this.#scratch ??= new ArrayBuffer(4 * DECODED_AT_ONCE);
      return bytesToFloats(bytes, type, this.#scratch);
    }
    const inPlace = bytes.buffer === made.memory && bytes.byteOffset >= ROOM_AT;
    const from = inPlace ? bytes.byteOffset : ELEMENTS_AT;
    if (!inPlace) new Uint8Array(made.memory).set(bytes, from);
    made.functions[type]!(from, FLOATS_AT, from + Math.ceil(count / ROUND) * ROUND * loop.bytes);
    return new Float32Array(made.memory, FLOATS_AT, count);
  }
}
