// Floats of weight files whose type differs from their tensor's type: raw bytes go into a window on the device, and a
// kernel decodes them from there. Which tensors need it is decided in targets.ts.
import { BYTES, canDecode, type DecodeRange, decodeKernel, unitOf } from '@moviegen/kernels';
import type { Device } from '../device/device.ts';
import { keep } from '../device/scope.ts';
import { largestOperand } from '../gpu/storage.ts';
import { bindable } from '../ops/large/parts.ts';
import { Tensor } from '../tensor.ts';

/** Each slice of raw bytes begins in the window at a multiple of this, and so at a whole word. */
const ALIGNMENT = 16;

/** Decodes on the device. The window is used in a circle; each slice of raw bytes is followed by the kernel that reads it. */
export class DeviceDecoder {
  readonly #window: Tensor;
  #at = 0;

  /** @param windowBytes a multiple of 16. The window is smaller where the device cannot bind so many bytes. */
  constructor(device: Device, windowBytes: number) {
    const bytes = Math.min(windowBytes, largestOperand(device));
    this.#window = keep(Tensor.empty(device, [bytes / 4], 'u32', 'raw weights'));
  }

  /**
   * Decodes whole elements, or blocks of them, into `tensor`, from its element `first` on.
   * @param type type of the bytes, by its safetensors name.
   * @param scale every element is multiplied by it.
   * @returns bytes handed to the device.
   */
  decode(
    bytes: Uint8Array<ArrayBuffer>,
    type: string,
    tensor: Tensor,
    first: number,
    scale?: number,
  ): number {
    const { dtype } = tensor;
    if (!canDecode(type, dtype)) throw new Error(`internal: decode ${type} to ${dtype}`);
    const unit = unitOf(type);
    const elements = (length: number) => (length / unit.bytes) * unit.elements;
    const window = this.#window.bytes;
    for (let at = 0; at < bytes.length; ) {
      if (this.#at + Math.max(unit.bytes, ALIGNMENT) > window) this.#at = 0;
      const room = window - this.#at;
      const part = bytes.subarray(at, at + room - (room % unit.bytes));
      this.#window.writeBytes(part, this.#at); // queued after the kernels that read the old bytes
      const range = { base: this.#at / 4, from: 0, first: first + elements(at), scale };
      const flat = tensor.reshape([tensor.size]);
      this.#run(type, dtype, flat, { ...range, count: elements(part.length) });
      flat.dispose();
      this.#at += Math.ceil(part.length / ALIGNMENT) * ALIGNMENT;
      at += part.length;
    }
    return bytes.length;
  }

  dispose(): void {
    this.#window.dispose();
  }

  /** Decodes into the whole tensor where it can be bound, otherwise into parts that can be bound. */
  #run(type: string, to: 'f32' | 'f16', out: Tensor, range: DecodeRange): void {
    if (bindable(out)) {
      out.device.run(decodeKernel(type, to, range), [this.#window, out]);
      return;
    }
    const { from, first, count } = range;
    const unit = out.device.limits.minStorageBufferOffsetAlignment / BYTES[to];
    const start = Math.floor(first / unit) * unit;
    const end = Math.min(out.size, Math.ceil((first + count) / unit) * unit);
    const middle = start + Math.ceil((end - start) / (2 * unit)) * unit;
    const part = out.rows(start, end); // undefined where the rows continue in another buffer
    if (part && bindable(part)) this.#run(type, to, part, { ...range, first: first - start });
    else if (middle >= end) throw new Error(`internal: decode: ${out} cannot be bound from ${start}`);
    else {
      this.#run(type, to, out, { ...range, count: middle - first });
      const rest = { from: from + middle - first, first: middle, count: first + count - middle };
      this.#run(type, to, out, { ...range, ...rest });
    }
    part?.dispose();
  }
}

/** Largest window, in bytes: the device has enough to decode while more bytes arrive. */
const WINDOW_BYTES = 2 ** 23;

/** Bytes of the window for tensors with `rawBytes` in the file, where `uploadBytes` may be written but not yet copied. */
export function windowBytes(rawBytes: number, uploadBytes: number): number {
  const wanted = Math.min(WINDOW_BYTES, uploadBytes / 2, rawBytes);
  return Math.max(256, Math.ceil(wanted / 256) * 256);
}
