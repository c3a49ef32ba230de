// One safetensors file with the weights of its linear layers quantised, ready to be written: pieces are read, quantised and
// handed on, so that memory does not grow with the file. Not here: the format (kernels/src/formats/quantize.ts).

import {
  BYTES,
  bytesToFloats,
  canQuantize,
  QUANT_BLOCK,
  type QuantFormat,
  quantize,
  sizeOf,
} from '@moviegen/kernels';
import { printable, type TensorSource, type TensorStream } from '@moviegen/safetensors';
import { quantizedWeights } from '@moviegen/tensor';
import { InputError } from '../errors.ts';

/** A file to write. */
export interface QuantizedFile {
  readonly tensors: readonly (readonly [string, TensorStream])[];
  readonly metadata: Readonly<Record<string, string>>;
  /** The number of its weights that are quantised. */
  readonly quantized: number;
  /** Bytes of all its tensors. */
  readonly bytes: number;
}

const FLOATS = new Set(['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2']);

/** Refuses a source that is already quantised. @throws InputError */
export function checkPlain(path: string, source: TensorSource): void {
  const [first] = quantizedWeights(source);
  if (first === undefined) return;
  throw new InputError(
    `quantize: ${path} is quantised already (${printable(first[0])} is ${first[1]}): quantise the original files`,
  );
}

/**
 * The tensors of a source; weights that `isLinear` names are quantised where their rows are made of whole blocks.
 * @throws InputError where a weight holds infinities or NaN: not here, but when the weight is written.
 */
export function quantizedFile(
  source: TensorSource,
  isLinear: (name: string) => boolean,
  format: QuantFormat,
  signal?: AbortSignal,
): QuantizedFile {
  let [quantized, bytes] = [0, 0];
  const tensors = source.names().flatMap((name): (readonly [string, TensorStream])[] => {
    const [dtype, shape] = [source.dtype(name), source.shape(name)];
    if (!isLinear(name) || !canQuantize(shape) || !FLOATS.has(dtype)) {
      bytes += source.byteLength(name);
      return [[name, { dtype, shape, data: () => source.chunks(name, signal ? { signal } : {}) }]];
    }
    quantized++;
    bytes += sizeOf(shape) * BYTES[format];
    const [out = 0, width = 0] = shape;
    // A file has all scales before the codes: a weight is read and quantised once for each, and is never held as a whole.
    const data = (which: 'codes' | 'scales') => () => pieces(source, name, format, which, signal);
    const codes =
      format === 'q8'
        ? ({ dtype: 'I8', shape: [out, width] } as const)
        : ({ dtype: 'U8', shape: [out, width / 2] } as const);
    return [
      [`${name}.${format}`, { ...codes, data: data('codes') }],
      [`${name}.scale`, { dtype: 'F16', shape: [out, width / QUANT_BLOCK], data: data('scales') }],
    ];
  });
  return { tensors, quantized, bytes, metadata: { ...source.metadata, 'moviegen.quantization': format } };
}

/** Elements that are quantised at once: whole blocks. */
const PIECE = 2 ** 20;

async function* pieces(
  source: TensorSource,
  name: string,
  format: QuantFormat,
  which: 'codes' | 'scales',
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const chunkBytes = PIECE * (source.byteLength(name) / sizeOf(source.shape(name)));
  for await (const piece of source.chunks(name, { chunkBytes, ...(signal && { signal }) })) {
    let made: ReturnType<typeof quantize>;
    try {
      made = quantize(bytesToFloats(piece, source.dtype(name)), format);
    } catch (cause) {
      throw new InputError(`quantize: ${printable(name)}: ${(cause as Error).message}`, { cause });
    }
    yield new Uint8Array(made[which].buffer);
  }
}
