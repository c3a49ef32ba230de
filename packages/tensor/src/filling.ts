// Tensors on the device whose content comes in pieces: as it is, or quantised on the way.
import { QUANT_BLOCK, type QuantFormat, quantize } from '@moviegen/kernels';
import type { Tensor } from './tensor.ts';
import { WeightsError } from './weightCheck.ts';

/** A tensor that is being filled with bytes of its type. */
export class Filling {
  readonly tensor: Tensor;
  #filled = 0;

  constructor(tensor: Tensor) {
    this.tensor = tensor;
  }

  /** Whether every byte has come. */
  get full(): boolean {
    return this.#filled === this.tensor.bytes;
  }

  /** @param at where the bytes belong; by default behind those before. @returns bytes written */
  write(bytes: Uint8Array<ArrayBuffer>, at: number = this.#filled): number {
    const { tensor } = this;
    if (at + bytes.length > tensor.bytes)
      throw new WeightsError(`weights: ${tensor.label} has more bytes than its shape says`);
    tensor.writeBytes(bytes, at);
    this.#filled += bytes.length;
    return bytes.length;
  }

  /** @throws WeightsError where bytes are missing. */
  finish(): void {
    const { label, bytes } = this.tensor;
    if (this.#filled !== bytes)
      throw new WeightsError(`weights: ${label} ends after ${this.#filled} of ${bytes} bytes`);
  }
}

/** A quantised tensor that is being filled with plain numbers, in order. */
export class QuantizedFilling {
  readonly tensor: Tensor;
  readonly #format: QuantFormat;
  readonly #filling: Filling;
  readonly #scales: Uint16Array<ArrayBuffer>;
  /** Numbers of a block that is not whole yet. */
  readonly #open = new Float32Array(QUANT_BLOCK);
  #opened = 0;
  #blocks = 0;

  constructor(tensor: Tensor, format: QuantFormat) {
    this.tensor = tensor;
    this.#format = format;
    this.#filling = new Filling(tensor);
    this.#scales = new Uint16Array(tensor.size / QUANT_BLOCK);
  }

  /** @returns bytes written */
  write(numbers: Float32Array): number {
    let written = 0;
    let rest = numbers;
    if (this.#opened > 0) {
      const head = rest.subarray(0, QUANT_BLOCK - this.#opened);
      this.#open.set(head, this.#opened);
      this.#opened += head.length;
      rest = rest.subarray(head.length);
      if (this.#opened < QUANT_BLOCK) return 0;
      this.#opened = 0;
      written += this.#encode(this.#open);
    }
    const whole = rest.length - (rest.length % QUANT_BLOCK);
    if (whole > 0) written += this.#encode(rest.subarray(0, whole));
    this.#open.set(rest.subarray(whole));
    this.#opened = rest.length - whole;
    return written;
  }

  /** @throws WeightsError where numbers are missing. */
  finish(): void {
    const { label, size } = this.tensor;
    const numbers = this.#blocks * QUANT_BLOCK + this.#opened;
    if (numbers !== size)
      throw new WeightsError(`weights: ${label} ends after ${numbers} of ${size} numbers`);
    this.#filling.write(new Uint8Array(this.#scales.buffer));
    this.#filling.finish();
  }

  #encode(numbers: Float32Array): number {
    const { label, size } = this.tensor;
    if (this.#blocks * QUANT_BLOCK + numbers.length > size)
      throw new WeightsError(`weights: ${label} has more bytes than its shape says`);
    let encoded: ReturnType<typeof quantize>;
    try {
      encoded = quantize(numbers, this.#format);
    } catch (cause) {
      throw new WeightsError(`weights: ${label}: ${(cause as Error).message}`, { cause });
    }
    this.#scales.set(encoded.scales, this.#blocks);
    this.#blocks += encoded.scales.length;
    return this.#filling.write(encoded.codes);
  }
}
