// Shapes and strides, row-major: the size of a shape, broadcasting, and the index arithmetic of kernels that read or write
// with strides. Axes that move together become one, so that the many shapes of an op share few shader texts.

/** Number of elements of a shape (1 for rank 0). */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1);

/** A shape as messages show it: `[2, 3]`. */
export const show = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Elements between neighbours along each axis, row-major. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = new Array(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** One index space walked by several operands at once; `strides[k][axis]` are elements of operand k. */
export interface Strided {
  readonly shape: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** Merges neighbouring axes that every operand crosses with one stride, and drops axes of size 1. The result has rank 1 or more. */
export function collapse(shape: readonly number[], strides: readonly (readonly number[])[]): Strided {
  const sizes: number[] = [];
  const merged: number[][] = strides.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    const n = shape[axis]!;
    if (n === 1) continue;
    const last = sizes.length - 1;
    const joins = last >= 0 && strides.every((own, k) => merged[k]![last] === own[axis]! * n);
    if (joins) sizes[last]! *= n;
    else sizes.push(n);
    strides.forEach((own, k) => {
      merged[k]![sizes.length - 1] = own[axis]!;
    });
  }
  if (sizes.length === 0) return { shape: [1], strides: strides.map(() => [0]) };
  return { shape: sizes, strides: merged };
}

/** Strides of an operand of shape `from` read as the wider shape `to`: 0 along every axis that `from` lacks. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const strides: number[] = new Array(to.length).fill(0);
  let stride = 1;
  for (let axis = from.length - 1, out = to.length - 1; axis >= 0; axis--, out--) {
    if (from[axis] !== 1) strides[out] = stride;
    stride *= from[axis]!;
  }
  return strides;
}

/** The shape that all `shapes` broadcast to, or undefined if they do not fit together. */
export function broadcastShape(...shapes: readonly (readonly number[])[]): number[] | undefined {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const out: number[] = new Array(rank).fill(1);
  for (const shape of shapes) {
    for (let k = 1; k <= shape.length; k++) {
      const n = shape[shape.length - k]!;
      if (n === 1) continue;
      if (out[rank - k] !== 1 && out[rank - k] !== n) return undefined;
      out[rank - k] = n;
    }
  }
  return out;
}

/**
 * WGSL statements that add `coordinate * stride` of each axis to variables, from the linear index in the
 * variable `rest`, which they change. Sizes are uniforms `n0..`, strides uniforms `<prefix>0..`.
 * @param targets variable to add to -> prefix of its strides.
 */
export function walkWGSL(rank: number, targets: Readonly<Record<string, string>>): string {
  const lines: string[] = [];
  for (let axis = rank - 1; axis >= 0; axis--) {
    const coordinate = axis === 0 ? 'rest' : `rest % u.n${axis}`;
    const steps = Object.entries(targets).map(([at, prefix]) => `${at} += c${axis} * u.${prefix}${axis};`);
    lines.push(`let c${axis} = ${coordinate}; ${steps.join(' ')}${axis > 0 ? ` rest /= u.n${axis};` : ''}`);
  }
  return lines.map((line) => `  ${line}`).join('\n');
}
