// An encoder's weights while it lives: as they came, or laid out once for the kernels that read them.

import { concat, keep, type Packed, pack, scope, type Tensor } from '@moviegen/tensor';

/** Weights by name. They belong to this object, and so do the layouts made of them. */
export class LayerWeights {
  private readonly plain: Map<string, Tensor>;
  private readonly made: Tensor[] = [];

  constructor(weights: Readonly<Record<string, Tensor>>) {
    this.plain = new Map(Object.entries(keep(weights)));
  }

  /** A weight as it came. */
  get(name: string): Tensor {
    const tensor = this.plain.get(name);
    if (tensor === undefined) throw new Error(`internal: weight ${name} was laid out anew or never given`);
    return tensor;
  }

  /** Matrices [out, in] stacked along the output and laid out for `linear`; the originals are released. */
  packed(...names: string[]): Packed {
    return this.replace(
      names,
      (weights) => pack(weights),
      (packed) => packed.tensor,
    );
  }

  /** The two matrices of a gated feed-forward, laid out for `swiglu`; the originals are released. */
  packedSwiglu(gate: string, value: string): Packed {
    return this.replace(
      [gate, value],
      (weights) => pack(weights, { use: 'swiglu' }),
      (packed) => packed.tensor,
    );
  }

  /** Vectors one behind the other; the originals are released. */
  joined(...names: string[]): Tensor {
    return this.replace(
      names,
      (weights) => concat(weights, { axis: 0 }),
      (tensor) => tensor,
    );
  }

  dispose(): void {
    for (const tensor of [...this.plain.values(), ...this.made]) tensor.dispose();
    this.plain.clear();
    this.made.length = 0;
  }

  private replace<T>(
    names: readonly string[],
    make: (weights: Tensor[]) => T,
    tensorOf: (made: T) => Tensor,
  ): T {
    const weights = names.map((name) => this.get(name));
    const made = keep(scope(weights[0]!.device, () => make(weights)));
    this.made.push(tensorOf(made));
    for (const [i, name] of names.entries()) {
      weights[i]!.dispose();
      this.plain.delete(name);
    }
    return made;
  }
}
