// A model's weights while it lives: as they came, or laid out once for the kernels that read them.

import { type Operand, operandsIn } from './device/operand.ts';
import { keep, scope } from './device/scope.ts';
import { type Packed, type PackedConv, pack, packConv } from './ops/pack.ts';
import type { Tensor } from './tensor.ts';

/** A model's weights by name. They belong to the book, and so do the layouts made of them. */
export class WeightBook {
  readonly #plain: Map<string, Tensor>;
  readonly #made: Operand[] = [];

  /**
   * @param model names the model in the error.
   * @param shapes what the model wants, by name.
   * @throws Error listing every weight that is missing, extra or misshapen.
   */
  constructor(
    model: string,
    weights: Readonly<Record<string, Tensor>>,
    shapes: Readonly<Record<string, readonly number[]>>,
  ) {
    const problems = [
      ...Object.keys(shapes)
        .filter((name) => !Object.hasOwn(weights, name))
        .map((name) => `missing ${name} ${show(shapes[name]!)}`),
      ...Object.entries(weights).flatMap(([name, { shape }]) => {
        if (!Object.hasOwn(shapes, name)) return [`extra ${name} ${show(shape)}`];
        const expected = shapes[name]!;
        const fits = shape.length === expected.length && expected.every((size, axis) => shape[axis] === size);
        return fits ? [] : [`${name}: shape ${show(shape)}, expected ${show(expected)}`];
      }),
    ];
    if (problems.length > 0)
      throw new Error(`${model}: weights do not fit the config:\n  ${problems.join('\n  ')}`);
    this.#plain = new Map(Object.entries(keep(weights)));
  }

  /** A weight as it came. */
  get(name: string): Tensor {
    const tensor = this.#plain.get(name);
    if (tensor === undefined) throw new Error(`internal: weight ${name} was laid out anew or never given`);
    return tensor;
  }

  /** True where there is such a weight, as it came. */
  has(name: string): boolean {
    return this.#plain.has(name);
  }

  /** Weights [out, in, ...] stacked along the output and laid out for `linear`; the originals are released. */
  packed(...names: string[]): Packed {
    return this.#lay(names, (weights) => pack(weights.map(asMatrix)));
  }

  /** W1 and W3 laid out for `swiglu`; the originals are released. */
  packedSwiglu(w1: string, w3: string): Packed {
    return this.#lay([w1, w3], (weights) => pack(weights, { use: 'swiglu' }));
  }

  /** A convolution's weight laid out, its axes filled up to `rank` with ones behind; the original is released. */
  packedConv(name: string, rank: number): PackedConv {
    return this.#lay([name], ([weight]) => {
      const ones = new Array<number>(rank - weight!.rank).fill(1);
      return packConv(weight!.reshape([...weight!.shape, ...ones]));
    });
  }

  /** Another tensor made of weights once; the originals are released. */
  replaced(names: readonly string[], make: (weights: Tensor[]) => Tensor): Tensor {
    return this.#lay(names, (weights) => ({ tensor: make(weights) })).tensor;
  }

  /** Releases all of them. */
  dispose(): void {
    for (const tensor of [...this.#plain.values(), ...this.#made]) tensor.dispose();
    this.#plain.clear();
    this.#made.length = 0;
  }

  #lay<T extends { readonly tensor: Tensor }>(names: readonly string[], make: (weights: Tensor[]) => T): T {
    const weights = names.map((name) => this.get(name));
    const made = keep(scope(weights[0]!.device, () => make(weights)));
    this.#made.push(...operandsIn(made));
    for (const name of names) {
      this.get(name).dispose();
      this.#plain.delete(name);
    }
    return made;
  }
}

const show = (shape: readonly number[]) => `[${shape.join(', ')}]`;
const asMatrix = (weight: Tensor) => weight.reshape([weight.shape[0]!, -1]);
