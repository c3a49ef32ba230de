// A model's weights while it lives: as they came, or laid out once for the kernels that read them.

import { keep, type Packed, type PackedConv, pack, packConv, scope, type Tensor } from '@moviegen/tensor';

/** Weights by name. They belong to the book, and so do the layouts made of them. */
export class WeightBook {
  private readonly plain: Map<string, Tensor>;
  private readonly made: Tensor[] = [];

  /** @throws Error listing every weight that is missing, extra or misshapen. */
  constructor(
    model: string,
    weights: Readonly<Record<string, Tensor>>,
    shapes: Readonly<Record<string, readonly number[]>>,
  ) {
    const show = (shape: readonly number[]) => `[${shape.join(', ')}]`;
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
    this.plain = new Map(Object.entries(keep(weights)));
  }

  /** A weight as it came. */
  get(name: string): Tensor {
    const tensor = this.plain.get(name);
    if (tensor === undefined) throw new Error(`internal: weight ${name} was laid out anew or never given`);
    return tensor;
  }

  /** True where there was such a weight. */
  has(name: string): boolean {
    return this.plain.has(name);
  }

  /** Weights [out, in, ...] stacked along the output and laid out for `linear`; the originals are released. */
  packed(...names: string[]): Packed {
    const weights = names.map((name) => this.get(name));
    const matrices = () => weights.map((weight) => weight.reshape([weight.shape[0]!, -1]));
    const packed = keep(scope(weights[0]!.device, () => pack(matrices())));
    this.release(names, packed.tensor);
    return packed;
  }

  /** A convolution's weight, its axes filled up to `rank` with ones behind, laid out; the original is released. */
  packedConv(name: string, rank: number): PackedConv {
    const weight = this.get(name);
    const shape = [...weight.shape, ...new Array<number>(rank - weight.rank).fill(1)];
    const packed = keep(scope(weight.device, () => packConv(weight.reshape(shape))));
    this.release([name], packed.tensor);
    return packed;
  }

  /** Anything else that is made of weights once; the originals are released. */
  replace(names: readonly string[], make: (weights: Tensor[]) => Tensor): Tensor {
    const made = keep(scope(this.get(names[0]!).device, () => make(names.map((name) => this.get(name)))));
    this.release(names, made);
    return made;
  }

  dispose(): void {
    for (const tensor of [...this.plain.values(), ...this.made]) tensor.dispose();
    this.plain.clear();
    this.made.length = 0;
  }

  private release(names: readonly string[], made: Tensor): void {
    this.made.push(made);
    for (const name of names) {
      this.get(name).dispose();
      this.plain.delete(name);
    }
  }
}
