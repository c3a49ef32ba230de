// Numbers of the host as the bytes of a tensor's type, and back. Not here: the bytes of files (weights/).
import {
  type DType,
  dequantize,
  floatsToHalves,
  halvesToFloats,
  isQuantFormat,
  quantize,
  quantizedBytes,
  quantizedParts,
} from '@moviegen/kernels';

/** Numbers from the host. */
export type Numbers = readonly number[] | Float32Array | Float64Array | Int32Array | Uint32Array;
/** Numbers to the host: f16 and quantised elements arrive as f32. */
export type HostArray = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** The type of a tensor of these numbers where none is asked for. */
export function naturalType(data: Numbers): DType {
  if (data instanceof Int32Array) return 'i32';
  return data instanceof Uint32Array ? 'u32' : 'f32';
}

/** Numbers as the bytes of a type; they are copied only where the type differs. */
export function encode(data: Numbers, dtype: DType): Uint8Array<ArrayBuffer> {
  if (isQuantFormat(dtype)) return quantizedBytes(quantize(data, dtype));
  const typed = typedArray(data, dtype);
  return new Uint8Array(typed.buffer as ArrayBuffer, typed.byteOffset, typed.byteLength);
}

/** The bytes of a type as numbers. */
export function decode(bytes: Uint8Array<ArrayBuffer>, dtype: DType): HostArray {
  if (dtype === 'f16') return halvesToFloats(new Uint16Array(bytes.buffer));
  if (isQuantFormat(dtype)) return dequantize(quantizedParts(bytes, dtype), dtype);
  if (dtype === 'i32') return new Int32Array(bytes.buffer);
  return dtype === 'u32' ? new Uint32Array(bytes.buffer) : new Float32Array(bytes.buffer);
}

function typedArray(data: Numbers, dtype: DType): Float32Array | Int32Array | Uint32Array | Uint16Array {
  if (dtype === 'f16') return floatsToHalves(data);
  if (dtype === 'i32') return data instanceof Int32Array ? data : Int32Array.from(data);
  if (dtype === 'u32') return data instanceof Uint32Array ? data : Uint32Array.from(data);
  return data instanceof Float32Array ? data : Float32Array.from(data);
}
