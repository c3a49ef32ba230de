// A model's weights while the model lives: as they were loaded, or laid out once for the kernels that read them.
// Loading them is in load.ts.
import { type Operand, operandsIn } from '../device/operand.ts';
import { keep, scope } from '../device/scope.ts';
import { slice } from '../ops/movement.ts';
import { type Packed, type PackedConv, pack, packConv } from '../ops/pack.ts';
import type { Tensor } from '../tensor.ts';
import { checkShapes } from './check.ts';

/** A model's weights by name. The book owns them and the layouts made from them. */
export class WeightBook {
  readonly #plain: Map<string, Tensor>;
  readonly #made: Operand[] = [];

  /**
   * @param model names the model in the error.
   * @param shapes the shapes that the model needs, by name.
   * @throws WeightsError listing every weight that is missing, extra or misshapen.
   */
  constructor(
    model: string,
    weights: Readonly<Record<string, Tensor>>,
    shapes: Readonly<Record<string, readonly number[]>>,
  ) {
    checkShapes(`${model}: weights do not fit the config`, weights, shapes);
    this.#plain = new Map(Object.entries(keep(weights)));
  }

  /** A weight as it was loaded. */
  get(name: string): Tensor {
    const tensor = this.#plain.get(name);
    if (tensor === undefined)
      throw new Error(`internal: weight ${name} was laid out for a kernel already, or was never given`);
    return tensor;
  }

  /** Whether the book holds a weight as it was loaded. */
  has(name: string): boolean {
    return this.#plain.has(name);
  }

  /** Weights [out, in, ...] stacked along the output and laid out for `linear`; the originals are released. */
  packed(...names: string[]): Packed {
    return this.#lay(names, (weights) => pack(weights.map(asMatrix)));
  }

  /** A weight [out, in, ...] laid out in two, cut along its inputs; the original is released. */
  packedInTwo(name: string, at: number): readonly [Packed, Packed] {
    return this.#lay([name], ([weight]) => {
      const [from, to] = [weight!.shape.map(() => 0), weight!.shape];
      const cut = [to[0]!, at, ...to.slice(2)];
      const rest = from.map((_, axis) => (axis === 1 ? at : 0));
      const parts = [slice(weight!, { start: from, end: cut }), slice(weight!, { start: rest, end: to })];
      return parts.map((part) => pack([asMatrix(part)])) as [Packed, Packed];
    });
  }

  /** W1 and W3 laid out for `swiglu`; the originals are released. */
  packedSwiglu(w1: string, w3: string): Packed {
    return this.#lay([w1, w3], (weights) => pack(weights, { use: 'swiglu' }));
  }

  /** A convolution's weight laid out, its shape padded with trailing ones up to `rank`; the original is released. */
  packedConv(name: string, rank: number): PackedConv {
    return this.#lay([name], ([weight]) => {
      const ones = new Array<number>(rank - weight!.rank).fill(1);
      return packConv(weight!.reshape([...weight!.shape, ...ones]));
    });
  }

  /** Another tensor that is made from weights once; the originals are released. */
  replaced(names: readonly string[], make: (weights: Tensor[]) => Tensor): Tensor {
    return this.#lay(names, (weights) => ({ tensor: make(weights) })).tensor;
  }

  /** Releases all weights and layouts. */
  dispose(): void {
    for (const tensor of [...this.#plain.values(), ...this.#made]) tensor.dispose();
    this.#plain.clear();
    this.#made.length = 0;
  }

  #lay<T extends object>(names: readonly string[], make: (weights: Tensor[]) => T): T {
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

const asMatrix = (weight: Tensor) => weight.reshape([weight.shape[0]!, -1]);
