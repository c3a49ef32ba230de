// The weights of a model that is planned: zeros in place of what no file is read for. The same few of them are handed out
// again and again, so that a model of any size takes no memory.

import { BYTES, canQuantize, type DType, sizeOf } from '@moviegen/kernels';
import type { WeightSource } from '@moviegen/tensor';
import type { ModulePrecision } from '../checkpoint/precision.ts';
import type { PlannedWeights } from '../generate/family.ts';

/** Weights of the given shapes that are all zeros, in the type that they have on the device. */
export class DrySource implements WeightSource {
  readonly #types: ReadonlyMap<string, { readonly shape: readonly number[]; readonly dtype: string }>;

  constructor(
    shapes: Readonly<Record<string, readonly number[]>>,
    { dtype, quantize }: ModulePrecision,
    isLinear: (name: string) => boolean,
  ) {
    this.#types = new Map(
      Object.entries(shapes).map(([name, shape]) => {
        const quantized = quantize !== undefined && isLinear(name) && canQuantize(shape);
        return [name, { shape, dtype: quantized ? quantize : dtype }];
      }),
    );
  }

  /** How many there are of each type. @param part the model's name in the plan. */
  weights(part: PlannedWeights['part']): PlannedWeights[] {
    const dtypes = [...new Set([...this.#types.values()].map(({ dtype }) => dtype))];
    return dtypes.map((dtype) => {
      const names = this.names().filter((name) => this.#types.get(name)!.dtype === dtype);
      const parameters = names.reduce((sum, name) => sum + sizeOf(this.shape(name)), 0);
      return { part, dtype, parameters, bytes: names.reduce((sum, name) => sum + this.#bytes(name), 0) };
    });
  }

  names(): string[] {
    return [...this.#types.keys()];
  }

  shape(name: string): readonly number[] {
    return this.#types.get(name)!.shape;
  }

  dtype(name: string): string {
    return this.#types.get(name)!.dtype.toUpperCase();
  }

  async read(name: string): Promise<Uint8Array> {
    return new Uint8Array(this.#bytes(name));
  }

  async *pieces(names: readonly string[]) {
    for (const name of names) {
      const bytes = this.#bytes(name);
      for (let offset = 0; offset < bytes; offset += zeros.length)
        yield { name, offset, data: zeros.subarray(0, Math.min(zeros.length, bytes - offset)) };
    }
  }

  #bytes(name: string): number {
    return sizeOf(this.shape(name)) * BYTES[this.#types.get(name)!.dtype as DType];
  }
}

const zeros = new Uint8Array(2 ** 22);
