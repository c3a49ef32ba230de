// Tensors on the device whose content comes in pieces of a file: as it is, decoded on the device, converted on the
// host, or quantised on the host. Which of these a tensor needs is decided in targets.ts.
import {
  BYTES,
  bytesToFloats,
  type DType,
  floatsToHalves,
  QUANT_BLOCK,
  type QuantFormat,
  quantize,
  unitOf,
} from '@moviegen/kernels';
import type { Tensor } from '../tensor.ts';
import type { DeviceDecoder } from './decoding.ts';
import { scaled, WeightsError } from './source.ts';

/** A tensor that is being filled. */
export interface Filling {
  readonly tensor: Tensor;
  /** Whether all of its content has arrived. */
  readonly full: boolean;
  /**
   * Takes bytes of the file, in whole elements.
   * @param at where they belong in the tensor; by default after the bytes written before.
   * @returns bytes handed to the device.
   * @throws WeightsError where there are more than the shape says.
   */
  write(bytes: Uint8Array<ArrayBuffer>, at?: number): number;
  /** @throws WeightsError where bytes are missing. */
  finish(): void;
}

/** A tensor that is being filled with bytes of its type. */
export class PlainFilling implements Filling {
  readonly tensor: Tensor;
  #filled = 0;
  /** Trailing bytes of an incomplete 4-byte word, keyed by the offset where they end; writes must be whole words. */
  readonly #begun = new Map<number, Uint8Array<ArrayBuffer>>();

  constructor(tensor: Tensor) {
    this.tensor = tensor;
  }

  get full(): boolean {
    return this.#filled === this.tensor.bytes;
  }

  write(bytes: Uint8Array<ArrayBuffer>, at: number = this.#filled): number {
    const { tensor } = this;
    const end = at + bytes.length;
    if (end > tensor.bytes) throw tooLong(tensor.label);
    this.#filled += bytes.length;
    const begun = this.#begun.get(at);
    if (begun) {
      const joined = new Uint8Array(begun.length + bytes.length);
      joined.set(begun);
      joined.set(bytes, begun.length);
      this.#begun.delete(at);
      return this.#writeWords(joined, end);
    }
    return this.#writeWords(bytes, end);
  }

  #writeWords(bytes: Uint8Array<ArrayBuffer>, end: number): number {
    const rest = end === this.tensor.bytes ? 0 : bytes.length % 4;
    if (rest > 0) this.#begun.set(end, bytes.slice(-rest));
    const words = bytes.subarray(0, bytes.length - rest);
    if (words.length > 0) this.tensor.writeBytes(words, end - bytes.length);
    return words.length;
  }

  finish(): void {
    checkWhole(this.tensor, this.#filled, this.tensor.bytes, 'bytes');
  }
}

/** A tensor that is being filled with floats of another type, in order: the device decodes them. */
export class DecodedFilling implements Filling {
  readonly tensor: Tensor;
  readonly #type: string;
  readonly #decoder: DeviceDecoder;
  readonly #scale: number | undefined;
  /** Elements so far. */
  #filled = 0;
  /** Bytes of one element that waits for its neighbour: halves are written in pairs. */
  #odd: Uint8Array<ArrayBuffer> | undefined;

  /** @param scale every element is multiplied by it. */
  constructor(tensor: Tensor, type: string, decoder: DeviceDecoder, scale?: number) {
    this.tensor = tensor;
    this.#type = type;
    this.#decoder = decoder;
    this.#scale = scale;
  }

  get full(): boolean {
    return this.#filled === this.tensor.size;
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    const { tensor } = this;
    const elements = elementsIn(bytes, this.#type, tensor.label);
    if (this.#filled + elements > tensor.size) throw tooLong(tensor.label);
    const { bytes: size, elements: each } = unitOf(this.#type); // a block has an even number of elements
    let [rest, written] = [bytes, 0];
    if (this.#odd && elements > 0) {
      const pair = new Uint8Array(2 * size);
      pair.set(this.#odd);
      pair.set(bytes.subarray(0, size), size);
      written += this.#decode(pair, this.#filled - 1);
      rest = bytes.subarray(size);
      this.#odd = undefined;
    }
    const first = this.#filled + elements - (rest.length / size) * each;
    this.#filled += elements;
    if (tensor.dtype === 'f16' && this.#filled % 2 === 1 && !this.full && rest.length > 0) {
      this.#odd = rest.slice(-size);
      rest = rest.subarray(0, -size);
    }
    return rest.length === 0 ? written : written + this.#decode(rest, first);
  }

  #decode(bytes: Uint8Array<ArrayBuffer>, first: number): number {
    return this.#decoder.decode(bytes, this.#type, this.tensor, first, this.#scale);
  }

  finish(): void {
    const { dtype, bytes } = this.tensor;
    checkWhole(this.tensor, this.#filled * BYTES[dtype], bytes, 'bytes');
  }
}

/** A tensor that is being filled with elements that no kernel decodes, such as integers: the host converts them. */
export class ConvertedFilling implements Filling {
  readonly tensor: Tensor;
  readonly #type: string;
  readonly #filling: PlainFilling;

  /** @param type type of the elements in the file. */
  constructor(tensor: Tensor, type: string) {
    this.tensor = tensor;
    this.#type = type;
    this.#filling = new PlainFilling(tensor);
  }

  get full(): boolean {
    return this.#filling.full;
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    elementsIn(bytes, this.#type, this.tensor.label);
    return this.#filling.write(encoded(bytesToFloats(bytes, this.#type), this.tensor.dtype));
  }

  finish(): void {
    this.#filling.finish();
  }
}

/** A quantised tensor that is being filled with plain numbers, in order: the host chooses the codes. */
export class QuantizedFilling implements Filling {
  readonly tensor: Tensor;
  readonly #format: QuantFormat;
  readonly #type: string;
  readonly #scale: number;
  readonly #filling: PlainFilling;
  readonly #scales: Uint16Array<ArrayBuffer>;
  /** Numbers of a block that is not complete yet. */
  readonly #open = new Float32Array(QUANT_BLOCK);
  #opened = 0;
  #blocks = 0;

  /**
   * @param type type of the numbers in the file.
   * @param scale every number is multiplied by it.
   */
  constructor(tensor: Tensor, format: QuantFormat, type: string, scale = 1) {
    this.tensor = tensor;
    this.#format = format;
    this.#type = type;
    this.#scale = scale;
    this.#filling = new PlainFilling(tensor);
    this.#scales = new Uint16Array(tensor.size / QUANT_BLOCK);
  }

  get full(): boolean {
    return this.#blocks * QUANT_BLOCK === this.tensor.size;
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    let written = 0;
    let rest = scaled(bytesToFloats(bytes, this.#type), this.#scale);
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

  finish(): void {
    checkWhole(this.tensor, this.#blocks * QUANT_BLOCK + this.#opened, this.tensor.size, 'numbers');
    this.#filling.write(new Uint8Array(this.#scales.buffer));
    this.#filling.finish();
  }

  #encode(numbers: Float32Array): number {
    const { label, size } = this.tensor;
    if (this.#blocks * QUANT_BLOCK + numbers.length > size) throw tooLong(this.tensor.label);
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

/** The error of a tensor that gets too many bytes. */
export const tooLong = (name: string | undefined): WeightsError =>
  new WeightsError(`weights: ${name} has more bytes than its shape says`);

function checkWhole({ label }: Tensor, filled: number, whole: number, units: string): void {
  if (filled !== whole) throw new WeightsError(`weights: ${label} ends after ${filled} of ${whole} ${units}`);
}

/** How many elements the bytes hold. @throws WeightsError where they end inside an element. */
function elementsIn(bytes: Uint8Array, type: string, name: string | undefined): number {
  const unit = unitOf(type);
  if (bytes.length % unit.bytes === 0) return (bytes.length / unit.bytes) * unit.elements;
  throw new WeightsError(
    `weights: ${name}: ${bytes.length} bytes are not a whole number of ${type} elements`,
  );
}

/** Numbers as bytes of a tensor's type. */
function encoded(floats: Float32Array<ArrayBuffer>, dtype: DType): Uint8Array<ArrayBuffer> {
  if (dtype === 'f32') return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  if (dtype === 'f16') return new Uint8Array(floatsToHalves(floats).buffer);
  const integers = dtype === 'i32' ? Int32Array.from(floats) : Uint32Array.from(floats);
  return new Uint8Array(integers.buffer);
}
