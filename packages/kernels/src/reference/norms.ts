// CPU references of layerNorm, rmsNorm and groupNorm with their fused parts.
import { type Activation, activations } from '../activation.ts';
import { generate, type NDArray, type Operands, type Options, operand, type Reference } from './ndarray.ts';
import { perItemRow } from './perItem.ts';

/** Applies weight, bias, modulation (this row of its vectors) and activation, those that are present, for channel `c`. */
function finish(z: number, c: number, vector: number, inputs: Operands, options: Options): number {
  const { weight, bias, shift, scale } = inputs;
  const D = weight?.data.length ?? shift?.shape.at(-1) ?? 0;
  let y = z * (weight?.data[c] ?? 1) + (bias?.data[c] ?? 0);
  if (shift && scale) {
    y = y * (1 + scale.data[vector * D + c]!) + shift.data[vector * D + c]!;
  }
  return options.activation ? activations[options.activation as Activation](y) : y;
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

const overLastAxis =
  (normalize: (row: readonly number[], eps: number) => (v: number) => number): Reference =>
  (inputs, options) => {
    const x = operand(inputs, 'x');
    const D = x.shape.at(-1)!;
    const rows = x.data.length / D;
    const eps = (options.eps as number | undefined) ?? 1e-5;
    const vectorOf = perItemRow(x.shape.slice(0, -1), inputs.shift, options.early as number | undefined);
    const out: NDArray = { ...x, data: new Float32Array(x.data.length) };
    for (let row = 0; row < rows; row++) {
      const values = [...x.data.subarray(row * D, (row + 1) * D)];
      const normalized = normalize(values, eps);
      values.forEach((v, c) => {
        out.data[row * D + c] = finish(normalized(v), c, vectorOf(row), inputs, options);
      });
    }
    return out;
  };

const standardize = (values: readonly number[], eps: number): ((v: number) => number) => {
  const centre = mean(values);
  const deviation = Math.sqrt(mean(values.map((v) => (v - centre) ** 2)) + eps);
  return (v) => (v - centre) / deviation;
};

export const layerNorm = overLastAxis(standardize);
export const rmsNorm = overLastAxis((values, eps) => {
  const size = Math.sqrt(mean(values.map((v) => v * v)) + eps);
  return (v) => v / size;
});

/** Group norm of x [B, C, ...], or of x [B, ..., C] with the option `layout: 'channels-last'`. */
export const groupNorm: Reference = (inputs, options) => {
  const x = operand(inputs, 'x');
  const last = options.layout === 'channels-last';
  const channelAxis = last ? x.shape.length - 1 : 1;
  const perGroup = x.shape[channelAxis]! / (options.groups as number);
  const groupOf = (index: readonly number[]) => `${index[0]},${Math.floor(index[channelAxis]! / perGroup)}`;
  const groups = new Map<string, number[]>();
  let i = 0;
  generate(x.shape, x.dtype, (index) => {
    const key = groupOf(index);
    const members = groups.get(key) ?? [];
    groups.set(key, members);
    members.push(x.data[i++]!);
    return 0;
  });
  const eps = (options.eps as number | undefined) ?? 1e-5;
  const normalized = new Map([...groups].map(([key, values]) => [key, standardize(values, eps)]));
  i = 0;
  return generate(x.shape, x.dtype, (index) =>
    finish(normalized.get(groupOf(index))!(x.data[i++]!), index[channelAxis]!, 0, inputs, options),
  );
};
