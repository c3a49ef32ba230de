// The tensors that one load of weights fills: chooses how the bytes of each get from the type in the file to the type
// on the device. How the bytes are written is in filling.ts.
import { canDecode, isQuantFormat } from '@moviegen/kernels';
import type { Device } from '../device/device.ts';
import { keep } from '../device/scope.ts';
import { Tensor } from '../tensor.ts';
import { DeviceDecoder } from './decoding.ts';
import { ConvertedFilling, DecodedFilling, type Filling, PlainFilling, QuantizedFilling } from './filling.ts';
import { decodingBytes, firstType } from './sizes.ts';
import type { WeightOptions, WeightSource } from './source.ts';

/** The tensors that one load fills, each made when its first bytes arrive, and the decoder that they share. */
export class Targets {
  readonly #device: Device;
  readonly #source: WeightSource;
  readonly #names: readonly string[];
  readonly #options: WeightOptions;
  readonly #open = new Map<string, Filling>();
  #decoder: DeviceDecoder | undefined;

  /** @param names the weights of this load, without the prefix. */
  constructor(device: Device, source: WeightSource, names: readonly string[], options: WeightOptions) {
    this.#device = device;
    this.#source = source;
    this.#names = names;
    this.#options = options;
  }

  /** What fills a weight, by its name without the prefix. */
  filling(name: string): Filling {
    const open = this.#open.get(name);
    if (open) return open;
    const source = this.#source;
    const options = this.#options;
    const full = (options.prefix ?? '') + name;
    const from = source.dtype(full);
    const type = firstType(source, name, options);
    const tensor = keep(Tensor.empty(this.#device, source.shape(full), type, name));
    const filling = this.#fillingOf(tensor, from, source.scale?.(full));
    this.#open.set(name, filling);
    return filling;
  }

  /** Leaves a tensor to the caller: `dispose` will not release it. */
  forget(name: string): void {
    this.#open.delete(name);
  }

  /** Releases the tensors. */
  dispose(): void {
    for (const { tensor } of this.#open.values()) tensor.dispose();
  }

  /** Releases the decoder. */
  close(): void {
    this.#decoder?.dispose();
  }

  #fillingOf(tensor: Tensor, from: string, scale: number | undefined): Filling {
    const { dtype } = tensor;
    if (from.toLowerCase() === dtype) return new PlainFilling(tensor);
    if (isQuantFormat(dtype)) return new QuantizedFilling(tensor, dtype, from, scale);
    if (!canDecode(from, dtype)) return new ConvertedFilling(tensor, from);
    this.#decoder ??= new DeviceDecoder(
      this.#device,
      decodingBytes(this.#source, this.#names, this.#options),
    );
    return new DecodedFilling(tensor, from, this.#decoder, scale);
  }
}
