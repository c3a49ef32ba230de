// Elements of weight files that are of another type than their tensor: decoded by a kernel out of a window of raw
// bytes, or by the host. The host is the quicker one only where the adapter computes on its cores too.
import {
  BYTES,
  canDecode,
  DECODED_AT_ONCE,
  type DecodeRange,
  type DType,
  decodeKernel,
  FloatsDecoder,
  floatsToHalves,
} from '@moviegen/kernels';
import type { Device } from './device/device.ts';
import { keep } from './device/scope.ts';
import { largestOperand } from './gpu/storage.ts';
import { bindable } from './ops/large/parts.ts';
import { Tensor } from './tensor.ts';

/** Writes elements of a file's type into a tensor of another. */
export interface Decoder {
  /**
   * Decodes whole elements into `tensor` from its element `first` on.
   * @param type of the bytes, by its safetensors name.
   * @returns bytes handed to the device.
   */
  decode(bytes: Uint8Array<ArrayBuffer>, type: string, tensor: Tensor, first: number): number;
}

/** The digits of a type's name are its bits: `F32`, `BF16`, `F8_E4M3`; `BOOL` has none. */
export const bitsOf = (type: string): number => Number(/\d+/.exec(type)?.[0] ?? 8);

/** Bytes that a decoder of the host has for a source to read into: what a checkpoint's reads have under way. */
const ROOM_BYTES = 2 ** 23;
/** Decoders that no load uses: their memory is used again. */
const idle: FloatsDecoder[] = [];

/** Decodes on the host. */
export class HostDecoder implements Decoder {
  #decoder: FloatsDecoder | undefined = idle.pop() ?? new FloatsDecoder({ room: ROOM_BYTES });

  /** Memory to read into from which decoding is fastest. */
  allocate(bytes: number): Uint8Array<ArrayBuffer> {
    return this.#open().allocate(bytes);
  }

  decode(bytes: Uint8Array<ArrayBuffer>, type: string, tensor: Tensor, first: number): number {
    const decoder = this.#open();
    const step = (DECODED_AT_ONCE * bitsOf(type)) / 8;
    let written = 0;
    for (let at = 0; at < bytes.length; at += step) {
      const made = encoded(decoder.decode(bytes.subarray(at, at + step), type), tensor.dtype);
      tensor.writeBytes(made, first * BYTES[tensor.dtype] + written);
      written += made.length;
    }
    return written;
  }

  /** Takes back all memory that was allocated, for the next load. */
  dispose(): void {
    if (!this.#decoder) return;
    this.#decoder.release();
    idle.push(this.#decoder);
    this.#decoder = undefined;
  }

  #open(): FloatsDecoder {
    if (!this.#decoder) throw new Error('internal: the decoder was disposed');
    return this.#decoder;
  }
}

function encoded(floats: Float32Array<ArrayBuffer>, dtype: DType): Uint8Array<ArrayBuffer> {
  if (dtype === 'f32') return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  if (dtype === 'f16') return new Uint8Array(floatsToHalves(floats).buffer);
  const integers = dtype === 'i32' ? Int32Array.from(floats) : Uint32Array.from(floats);
  return new Uint8Array(integers.buffer);
}

/** Where raw bytes begin in a window: a multiple of every element. */
const ALIGNMENT = 16;

/** Decodes on the device: raw bytes go round in a window, each slice followed by the kernel that reads it. */
export class DeviceDecoder implements Decoder {
  readonly #window: Tensor;
  #at = 0;

  /** @param windowBytes a multiple of 16; less where the device cannot bind it. */
  constructor(device: Device, windowBytes: number) {
    const bytes = Math.min(windowBytes, largestOperand(device));
    this.#window = keep(Tensor.empty(device, [bytes / 4], 'u32', 'raw weights'));
  }

  decode(bytes: Uint8Array<ArrayBuffer>, type: string, tensor: Tensor, first: number): number {
    const { dtype } = tensor;
    if (!canDecode(type, dtype)) throw new Error(`internal: decode ${type} to ${dtype}`);
    const elementBytes = bitsOf(type) / 8;
    const window = this.#window.bytes;
    for (let at = 0; at < bytes.length; ) {
      if (this.#at + ALIGNMENT > window) this.#at = 0;
      const part = bytes.subarray(at, at + window - this.#at);
      this.#window.writeBytes(part, this.#at); // behind the kernels that have yet to read what it replaces
      const range = { from: this.#at / elementBytes, first: first + at / elementBytes };
      const flat = tensor.reshape([tensor.size]);
      this.#run(type, dtype, flat, { ...range, count: part.length / elementBytes });
      flat.dispose();
      this.#at += Math.ceil(part.length / ALIGNMENT) * ALIGNMENT;
      at += part.length;
    }
    return bytes.length;
  }

  dispose(): void {
    this.#window.dispose();
  }

  /** Decodes into all of the tensor at once where it can be bound, else into parts that can. */
  #run(type: string, to: 'f32' | 'f16', out: Tensor, { from, first, count }: DecodeRange): void {
    if (bindable(out)) {
      out.device.run(decodeKernel(type, to, { from, first, count }), [this.#window, out]);
      return;
    }
    const unit = out.device.limits.minStorageBufferOffsetAlignment / BYTES[to];
    const start = Math.floor(first / unit) * unit;
    const end = Math.min(out.size, Math.ceil((first + count) / unit) * unit);
    const middle = start + Math.ceil((end - start) / (2 * unit)) * unit;
    const part = out.rows(start, end); // none where they go on in another buffer
    if (part && bindable(part)) this.#run(type, to, part, { from, first: first - start, count });
    else if (middle >= end) throw new Error(`internal: decode: ${out} cannot be bound from ${start}`);
    else {
      this.#run(type, to, out, { from, first, count: middle - first });
      this.#run(type, to, out, { from: from + middle - first, first: middle, count: first + count - middle });
    }
    part?.dispose();
  }
}

/** Bytes of a window at most: enough for the device to have something to decode while more comes. */
const WINDOW_BYTES = 2 ** 23;

/** Bytes of the window for tensors with so many raw bytes, of which `uploadBytes` may be under way. */
export function windowBytes(rawBytes: number, uploadBytes: number): number {
  const wanted = Math.min(WINDOW_BYTES, uploadBytes / 2, rawBytes);
  return Math.max(256, Math.ceil(wanted / 256) * 256);
}
