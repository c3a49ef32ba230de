// The layers that all models are built of: each holds the weights of one module of the checkpoint and runs its op. A trace
// gets the output of the module alone, as PyTorch computes it, whatever else the kernel fuses with it.

import { type LinearOptions, linear } from './ops/linear.ts';
import { concat, slice } from './ops/movement.ts';
import { layerNorm, type NormOptions, rmsNorm } from './ops/norms.ts';
import type { Packed } from './ops/pack.ts';
import type { Tensor } from './tensor.ts';
import { observe } from './trace.ts';
import type { WeightBook } from './weights/book.ts';

/** `x W^T + b`, or several such maps of one input with their outputs side by side. */
export class Linear {
  readonly #paths: readonly string[];
  readonly #endOf: string | undefined;
  readonly #weight: Packed; // [out, in]
  readonly #bias: Tensor | undefined; // [out]

  /**
   * @param path the module's name in the checkpoint, or the names of several. The bias is optional.
   * @param endOf the name of an outer module that ends in this one and so has the same output.
   */
  constructor(weights: WeightBook, path: string | readonly string[], endOf?: string) {
    const paths = typeof path === 'string' ? [path] : path;
    const biases = paths.map((each) => `${each}.bias`);
    this.#paths = paths;
    this.#endOf = endOf;
    this.#weight = weights.packed(...paths.map((each) => `${each}.weight`));
    if (!weights.has(biases[0]!)) return;
    this.#bias =
      biases.length === 1
        ? weights.get(biases[0]!)
        : weights.replaced(biases, (all) => concat(all, { axis: 0 }));
  }

  /**
   * x [..., in] to [..., out].
   * @param fused activation, gate and residual, which the same kernel applies to the product.
   */
  forward(x: Tensor, fused?: Pick<LinearOptions, 'activation' | 'gate' | 'early' | 'residual'>): Tensor {
    const bias = this.#bias;
    const result = linear(x, this.#weight, { ...fused, bias });
    const plain = () => (fused ? linear(x, this.#weight, { bias }) : result);
    let start = 0;
    for (const [i, path] of this.#paths.entries()) {
      const [from, to] = [start, start + this.#weight.outputs[i]!];
      observe(path, () => (this.#paths.length === 1 ? plain() : lastAxis(plain(), from, to)));
      start = to;
    }
    if (this.#endOf !== undefined) observe(this.#endOf, plain);
    return result;
  }
}

/** {@link rmsNorm} with a module's weight. */
export class RMSNorm {
  readonly #path: string;
  readonly #eps: number;
  readonly #weight: Tensor; // [D]

  constructor(weights: WeightBook, path: string, eps: number) {
    this.#path = path;
    this.#eps = eps;
    this.#weight = weights.get(`${path}.weight`);
  }

  /** x [..., D], normed along D. @param modulation adaLN, fused: `norm(x) (1 + scale) + shift`. */
  forward(x: Tensor, modulation?: Pick<NormOptions, 'shift' | 'scale' | 'early'>): Tensor {
    const plain = { weight: this.#weight, eps: this.#eps };
    observe(this.#path, () => rmsNorm(x, plain));
    const { shift, scale, early } = modulation ?? {};
    return rmsNorm(x, { ...plain, shift, scale, early });
  }
}

/** {@link layerNorm} with a module's weight and bias. */
export class LayerNorm {
  readonly #names: readonly string[];
  readonly #eps: number;
  readonly #weight: Tensor; // [D]
  readonly #bias: Tensor; // [D]

  /** @param endOf the name of an outer module that ends in this one and so has the same output. */
  constructor(weights: WeightBook, path: string, eps: number, endOf?: string) {
    this.#names = endOf === undefined ? [path] : [path, endOf];
    this.#eps = eps;
    this.#weight = weights.get(`${path}.weight`);
    this.#bias = weights.get(`${path}.bias`);
  }

  /** x [..., D], normed along D. */
  forward(x: Tensor): Tensor {
    const result = layerNorm(x, { weight: this.#weight, bias: this.#bias, eps: this.#eps });
    for (const name of this.#names) observe(name, () => result);
    return result;
  }
}

/** A copy of the indices `start` to `end` of the last axis. */
function lastAxis(x: Tensor, start: number, end: number): Tensor {
  const before = x.shape.slice(0, -1);
  return slice(x, { start: [...before.map(() => 0), start], end: [...before, end] });
}
