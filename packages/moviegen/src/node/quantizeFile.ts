// One file with the weights of its linear layers quantised, ready to be written as safetensors: pieces are read, quantised and
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
import { printable, type TensorStream } from '@moviegen/safetensors';
import { fileBytes, type WeightSource } from '@moviegen/tensor';
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

/** The models that can be quantised. The autoencoder is made of convolutions, which stay as they are. */
export const QUANTIZED_MODULES = ['dit', 'text'] as const;
/** A kind of models whose linear layers are quantised. */
export type QuantizedModule = (typeof QUANTIZED_MODULES)[number];

/** What is quantised, and how it is told. */
export interface Quantizing {
  readonly format: QuantFormat;
  readonly modules: readonly QuantizedModule[];
  readonly onProgress?: (progress: { readonly bytes: number; readonly totalBytes: number }) => void;
  readonly signal?: AbortSignal;
}

/** What became of a checkpoint's weights. */
export interface QuantizeSummary {
  /** How many tensors of these models were quantised, and how many stay as they were: tables, norms, biases, odd shapes. */
  readonly quantized: number;
  readonly plain: number;
  /** Bytes of the tensors of these models before and after. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** Types of a file of safetensors. Those of GGUF's blocks are decoded. */
const STORED = /^(F64|F32|F16|BF16|F8_E4M3|F8_E5M2|BOOL|[IU](8|16|32|64))$/;
const WHOLE = /^(BOOL|[IU]\d+)$/;

/** How a file is made. */
export interface QuantizeFileOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** Is told of bytes that were made. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The tensors of a source; weights that `isLinear` names are quantised where their rows are made of whole blocks. All others stay as
 * they are, except that GGUF's blocks and floats with a scale become f32.
 * @throws InputError where a weight holds infinities or NaN: not here, but when the weight is written.
 */
export function quantizedFile(
  source: WeightSource,
  isLinear: (name: string) => boolean,
  format: QuantFormat,
  { metadata, onBytes, signal }: QuantizeFileOptions = {},
): QuantizedFile {
  let [quantized, bytes] = [0, 0];
  const stream = (
    name: string,
    made?: (numbers: Float32Array<ArrayBuffer>) => ArrayBufferView<ArrayBuffer>,
  ) =>
    async function* () {
      for await (const piece of pieces(source, name, made, signal)) {
        onBytes?.(piece.length);
        yield piece;
      }
    };
  const tensors = source.names().flatMap((name): (readonly [string, TensorStream])[] => {
    const [dtype, shape] = [source.dtype(name), source.shape(name)];
    if (!isLinear(name) || !canQuantize(shape) || WHOLE.test(dtype)) {
      const asIs = STORED.test(dtype) && source.scale?.(name) === undefined;
      bytes += asIs ? fileBytes(source, name) : sizeOf(shape) * BYTES.f32;
      const data = asIs ? stream(name) : stream(name, (numbers) => numbers);
      return [[name, { dtype: asIs ? (dtype as TensorStream['dtype']) : 'F32', shape, data }]];
    }
    quantized++;
    bytes += sizeOf(shape) * BYTES[format];
    const [out = 0, width = 0] = shape;
    // A file has all scales before the codes: a weight is read and quantised once for each, and is never held as a whole.
    const data = (which: 'codes' | 'scales') =>
      stream(name, (numbers) => {
        try {
          return quantize(numbers, format)[which];
        } catch (cause) {
          throw new InputError(`quantize: ${printable(name)}: ${(cause as Error).message}`, { cause });
        }
      });
    const codes =
      format === 'q8'
        ? ({ dtype: 'I8', shape: [out, width] } as const)
        : ({ dtype: 'U8', shape: [out, width / 2] } as const);
    return [
      [`${name}.${format}`, { ...codes, data: data('codes') }],
      [`${name}.scale`, { dtype: 'F16', shape: [out, width / QUANT_BLOCK], data: data('scales') }],
    ];
  });
  return { tensors, quantized, bytes, metadata: { ...metadata, 'moviegen.quantization': format } };
}

/** Adds up what was made, and tells it. */
export function counting(onProgress: Quantizing['onProgress'], totalBytes: () => number) {
  let done = 0;
  return (bytes: number): void => {
    done += bytes;
    onProgress?.({ bytes: done, totalBytes: totalBytes() });
  };
}

/** @throws InputError where nothing was quantised */
export function checkSome(
  { quantized }: { readonly quantized: number },
  modules: readonly string[],
  input: string,
): void {
  if (quantized > 0) return;
  throw new InputError(
    `quantize: no weight of ${modules.join(', ')} in ${input} is a matrix of whole blocks of ${QUANT_BLOCK}`,
  );
}

/** Elements that are read at once: whole blocks of every type. */
const PIECE = 2 ** 20;

/** The bytes of a tensor, piece by piece, or what is made of its numbers. */
async function* pieces(
  source: WeightSource,
  name: string,
  made: ((numbers: Float32Array<ArrayBuffer>) => ArrayBufferView<ArrayBuffer>) | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const [total, size] = [fileBytes(source, name), sizeOf(source.shape(name))];
  const pieceBytes = source.range ? PIECE * (total / size) : total;
  const options = signal && { signal };
  const scale = source.scale?.(name) ?? 1;
  for (let at = 0; at < total; at += pieceBytes) {
    const data = source.range
      ? await source.range(name, at, Math.min(total, at + pieceBytes), options)
      : await source.read(name, options);
    if (made === undefined) yield data as Uint8Array<ArrayBuffer>;
    else {
      const numbers = bytesToFloats(data, source.dtype(name));
      const { buffer, byteOffset, byteLength } = made(
        scale === 1 ? numbers : numbers.map((value) => value * scale),
      );
      yield new Uint8Array(buffer, byteOffset, byteLength);
    }
  }
}
