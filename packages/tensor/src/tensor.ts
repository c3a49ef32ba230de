// A typed array on the device with a shape, row-major and contiguous. Ops live in ops/, memory in storage.ts.
import { BYTES, type DType, isQuantFormat, QUANT_BLOCK, show, sizeOf } from '@moviegen/kernels';
import type { Device } from './device/device.ts';
import { Operand } from './device/operand.ts';
import type { BufferRange } from './gpu/commands.ts';
import { largestOperand, type Storage } from './gpu/storage.ts';
import { decode, encode, type HostArray, type Numbers, naturalType } from './numbers.ts';

/** What may be said of a new tensor. */
export interface TensorOptions {
  /** Default: that of the array given; f32 for plain numbers. */
  readonly dtype?: DType;
  /** Name in error messages. */
  readonly label?: string;
}

/** An n-dimensional array on a device. Make one with `Tensor.from`, `zeros`, `full` or `empty`. */
export class Tensor extends Operand {
  override readonly device: Device;
  readonly shape: readonly number[];
  override readonly dtype: DType;
  /** Count of elements. */
  readonly size: number;
  /** Name in error messages. */
  readonly label: string | undefined;
  readonly #offset: number;
  #storage: Storage | undefined;

  /** @internal Use the static functions. */
  constructor(
    device: Device,
    storage: Storage,
    shape: readonly number[],
    dtype: DType,
    label?: string,
    offset = 0,
  ) {
    super();
    this.device = device;
    this.shape = shape;
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.label = label;
    this.#offset = offset;
    this.#storage = storage;
    device.scopes.adopt(this);
  }

  /**
   * A tensor with the given numbers. `shape` defaults to one axis.
   * @throws where the count of numbers is not that of the shape.
   */
  static from(
    device: Device,
    data: Numbers,
    shape: readonly number[] = [data.length],
    options: TensorOptions = {},
  ): Tensor {
    const dtype = options.dtype ?? naturalType(data);
    const tensor = Tensor.fromBytes(device, encode(data, dtype), [...shape], dtype, options.label);
    return tensor;
  }

  /** A tensor with the given raw little-endian bytes. */
  static fromBytes(
    device: Device,
    bytes: Uint8Array<ArrayBuffer>,
    shape: readonly number[],
    dtype: DType,
    label?: string,
  ): Tensor {
    checkShape(shape, label, dtype);
    const expected = sizeOf(shape) * BYTES[dtype];
    if (bytes.length !== expected) {
      const got = bytes.length / BYTES[dtype];
      throw new Error(`${label ?? 'tensor'}: ${got} elements do not fill ${show(shape)} (${sizeOf(shape)})`);
    }
    const tensor = allocated(device, shape, dtype, label, true);
    device.upload(tensor.ranges('write'), bytes);
    return tensor;
  }

  /** A tensor of zeros. */
  static zeros(device: Device, shape: readonly number[], dtype: DType = 'f32', label?: string): Tensor {
    const tensor = Tensor.empty(device, shape, dtype, label);
    device.clear(tensor);
    return tensor;
  }

  /** A tensor of one value. */
  static full(
    device: Device,
    shape: readonly number[],
    value: number,
    dtype: DType = 'f32',
    label?: string,
  ): Tensor {
    checkShape(shape, label, dtype);
    const data = encode([value], dtype);
    const bytes = new Uint8Array(sizeOf(shape) * data.length);
    for (let at = 0; at < bytes.length; at += data.length) bytes.set(data, at);
    return Tensor.fromBytes(device, bytes, shape, dtype, label);
  }

  /** A tensor whose content is whatever was there: for results that a kernel fills. */
  static empty(device: Device, shape: readonly number[], dtype: DType = 'f32', label?: string): Tensor {
    checkShape(shape, label, dtype);
    return allocated(device, shape, dtype, label, false);
  }

  /** Bytes of the elements. */
  override get bytes(): number {
    return this.size * BYTES[this.dtype];
  }

  /** Count of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** True once disposed, by hand or by its scope. */
  override get disposed(): boolean {
    return this.#storage === undefined;
  }

  /** The same elements under another shape, without a copy. One axis may be -1. */
  reshape(shape: readonly number[]): Tensor {
    const resolved = resolveShape(this, shape);
    return new Tensor(
      this.device,
      this.storage('reshape').retain(),
      resolved,
      this.dtype,
      this.label,
      this.#offset,
    );
  }

  /**
   * Rows `start` to `end` of axis 0 without a copy, where the device can bind that offset; undefined
   * where it cannot (offsets are multiples of 256 bytes; quantised rows do not lie side by side; what is larger
   * than a buffer goes on in another one). The view and its tensor share a buffer: one kernel cannot read the one
   * and write the other.
   */
  rows(start: number, end: number): Tensor | undefined {
    const [length = 0, ...rest] = this.shape;
    if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= length)) {
      throw new Error(`rows: ${start} to ${end} is no range of axis 0 of ${show(this.shape)}`);
    }
    if (isQuantFormat(this.dtype)) return undefined;
    const rowBytes = sizeOf(rest) * BYTES[this.dtype];
    const bytes = (end - start) * rowBytes;
    const offset = bytes === 0 ? 0 : this.#offset + start * rowBytes; // what binds nothing binds the beginning
    // Hosts write whole words: an odd number of halves would take the next row's first one along.
    if (end < length && bytes % 4 !== 0) return undefined;
    if (offset % this.device.limits.minStorageBufferOffsetAlignment !== 0) return undefined;
    const storage = this.storage('rows');
    // What is too large to be bound may lie in several buffers: ops take it apart.
    if (bytes <= largestOperand(this.device) && storage.ranges(offset, bytes).length > 1) return undefined;
    storage.retain();
    return new Tensor(this.device, storage, [end - start, ...rest], this.dtype, this.label, offset);
  }

  /** @internal The same bytes as u32, without a copy: to move what has no elements side by side. */
  words(): Tensor {
    const storage = this.storage('words').retain();
    return new Tensor(this.device, storage, [this.bytes / 4], 'u32', this.label, this.#offset);
  }

  /**
   * The elements, once all work queued so far is done.
   * @throws what went wrong on the device since the last read or sync.
   */
  async read(): Promise<HostArray> {
    const bytes = await this.device.download(this.ranges('read'), this.bytes);
    return decode(bytes, this.dtype);
  }

  /** The only element. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new Error(`item: ${show(this.shape)} has ${this.size} elements, not one`);
    return (await this.read())[0]!;
  }

  /** Replaces the elements, after all work queued so far. */
  write(data: Numbers): void {
    if (data.length !== this.size) {
      throw new Error(`write: ${data.length} elements do not fill ${describe(this)} (${this.size})`);
    }
    this.device.overwrite(this.ranges('write'), encode(data, this.dtype));
  }

  /** @internal Replaces raw bytes from `at` on, a multiple of 4. */
  writeBytes(bytes: Uint8Array<ArrayBuffer>, at: number): void {
    this.device.overwrite(this.ranges('write', at, bytes.length), bytes);
  }

  /** Gives the memory back. Scopes do this; call it only for what outlives them. Twice does no harm. */
  override dispose(): void {
    const storage = this.#storage;
    if (!storage) return;
    this.#storage = undefined;
    this.device.forget(this);
    storage.release();
  }

  /** @internal The memory, or an error that says who used the tensor too late. */
  override storage(user: string): Storage {
    if (this.#storage) return this.#storage;
    throw new Error(
      `${user}: ${describe(this)} was released: return it from its scope, or keep() it, to use it later`,
    );
  }

  /**
   * @internal Where bytes from `at` on lie: one range, which can be bound, or several where the tensor is larger than
   * a buffer. The whole is rounded up to 16 bytes, so that a vec4 may load a ragged tail.
   */
  override ranges(
    user: string,
    at = 0,
    bytes = Math.max(16, Math.ceil(this.bytes / 16) * 16),
  ): BufferRange[] {
    return this.storage(user).ranges(this.#offset + at, bytes);
  }

  /** `weight f32 [2, 3]`. */
  override toString(): string {
    return describe(this);
  }
}

/** A tensor with memory of its own. */
function allocated(
  device: Device,
  shape: readonly number[],
  dtype: DType,
  label: string | undefined,
  written: boolean,
): Tensor {
  const bytes = sizeOf(shape) * BYTES[dtype];
  // Of quantised tensors whoever reads them takes rows together: codes and scales lie apart.
  const rowBytes = isQuantFormat(dtype) ? 1 : Math.max(1, shape.at(-1) ?? 1) * BYTES[dtype];
  const storage = device.allocate(bytes, rowBytes, dtype, label, written);
  return new Tensor(device, storage, [...shape], dtype, label);
}

function describe({ label, dtype, shape }: Tensor): string {
  return `${label ?? 'tensor'} ${dtype} ${show(shape)}`;
}

function checkShape(shape: readonly number[], label: string | undefined, dtype: DType): void {
  if (isQuantFormat(dtype) && (shape.at(-1) ?? 1) % QUANT_BLOCK !== 0) {
    const wanted = `${dtype} takes rows of whole blocks of ${QUANT_BLOCK}`;
    throw new Error(`${label ?? 'tensor'}: ${show(shape)}: ${wanted}`);
  }
  if (shape.every((length) => Number.isSafeInteger(length) && length >= 0)) return;
  throw new Error(`${label ?? 'tensor'}: ${show(shape)} is no shape: axes are integers from 0`);
}

function resolveShape(tensor: Tensor, shape: readonly number[]): number[] {
  const known = sizeOf(shape.filter((length) => length !== -1));
  const open = shape.filter((length) => length === -1).length;
  const resolved = shape.map((length) => (length === -1 ? tensor.size / known : length));
  const fits =
    open <= 1 && resolved.every((n) => Number.isInteger(n) && n >= 0) && sizeOf(resolved) === tensor.size;
  if (fits) return resolved;
  throw new Error(`reshape: ${show(tensor.shape)} does not fit ${show(shape)}`);
}
