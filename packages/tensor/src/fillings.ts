// The tensors of one load of weights: what each becomes of the file's type, and where.
import { canDecode, isQuantFormat } from '@moviegen/kernels';
import { DeviceDecoder, HostDecoder } from './decoding.ts';
import type { Device } from './device/device.ts';
import { keep } from './device/scope.ts';
import { DecodedFilling, type Filling, PlainFilling, QuantizedFilling } from './filling.ts';
import { Tensor } from './tensor.ts';
import type { WeightOptions, WeightSource } from './weights.ts';
import { decodingBytes, firstType, isDecoded } from './weightTypes.ts';

/** The tensors of one load, each made when its first bytes come, and what decodes for them. */
export class Fillings {
  readonly #open = new Map<string, Filling>();
  #onDevice: DeviceDecoder | undefined;
  #onHost: HostDecoder | undefined;

  constructor(
    readonly device: Device,
    readonly source: WeightSource,
    readonly names: readonly string[],
    readonly options: WeightOptions,
  ) {}

  of(name: string): Filling {
    const open = this.#open.get(name);
    if (open) return open;
    const { device, source, options } = this;
    const full = (options.prefix ?? '') + name;
    const from = source.dtype(full);
    const type = firstType(source, name, options);
    const tensor = keep(Tensor.empty(device, source.shape(full), type, name));
    const filling = this.#fill(tensor, from);
    this.#open.set(name, filling);
    return filling;
  }

  /** Leaves a tensor to someone else. */
  forget(name: string): void {
    this.#open.delete(name);
  }

  /** Releases the tensors. */
  dispose(): void {
    for (const { tensor } of this.#open.values()) tensor.dispose();
  }

  /** Releases what decoded. */
  close(): void {
    this.#onDevice?.dispose();
    this.#onHost?.dispose();
  }

  /** Memory for the source to read into: from where the host decodes, if it has to. */
  allocate(bytes: number): Uint8Array<ArrayBuffer> {
    const byHost =
      this.#decodeOn === 'host' && this.names.some((name) => isDecoded(this.source, name, this.options));
    return byHost ? this.#host().allocate(bytes) : new Uint8Array(bytes);
  }

  #fill(tensor: Tensor, from: string): Filling {
    const { dtype } = tensor;
    if (from.toLowerCase() === dtype) return new PlainFilling(tensor);
    if (isQuantFormat(dtype)) return new QuantizedFilling(tensor, dtype, from);
    if (this.#decodeOn === 'host' || !canDecode(from, dtype))
      return new DecodedFilling(tensor, from, this.#host());
    this.#onDevice ??= new DeviceDecoder(this.device, decodingBytes(this.source, this.names, this.options));
    return new DecodedFilling(tensor, from, this.#onDevice);
  }

  #host(): HostDecoder {
    this.#onHost ??= new HostDecoder();
    return this.#onHost;
  }

  get #decodeOn(): 'device' | 'host' {
    return this.options.decodeOn ?? (this.device.target.software ? 'host' : 'device');
  }
}
