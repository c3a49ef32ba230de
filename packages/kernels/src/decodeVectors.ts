// Floats of weight files on the host, as fast as memory allows: what bytesToFloats (convert.ts) computes one by one,
// sixteen at a time in WebAssembly (decodeLoops.ts). For adapters that compute on the host's own cores, where a kernel
// takes longer.
import { bytesToFloats } from './convert.ts';
import { decodeLoops, ROUND } from './decodeLoops.ts';
import { wasmModule } from './wasm.ts';

/** Elements that are decoded at once: those and their floats stay in a core's cache. */
export const DECODED_AT_ONCE = 2 ** 17;

type Walk = (from: number, to: number, end: number) => void;
const FLOATS_AT = 2 * DECODED_AT_ONCE;

/** The functions by type and their memory; undefined where WebAssembly is missing, forbidden or without vectors. */
function instantiate(): { functions: Readonly<Record<string, Walk>>; memory: ArrayBuffer } | undefined {
  const module = wasmModule(decodeLoops, (FLOATS_AT + 4 * DECODED_AT_ONCE) / 2 ** 16);
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
    const step = ROUND * elementBytes;
    decode(0, FLOATS_AT, Math.ceil(bytes.length / step) * step);
    return new Float32Array(made.memory, FLOATS_AT, count);
  };
}
