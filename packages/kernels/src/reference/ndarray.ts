// The array of the CPU references: a shape and its elements, row-major. It is not fast, and not a tensor library:
// it has only what a reference needs to read like its formula.
import type { DType } from '../kernel.ts';
import { sizeOf } from '../shape.ts';

/** A dense row-major array. `f16` elements are held as f32; quantised elements are held as the f32 that they represent. */
export interface NDArray {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: Float32Array | Int32Array | Uint32Array;
}

/** The operands of a reference, by name; an optional operand may be absent. */
export type Operands = Readonly<Record<string, NDArray>>;
/** The plain options of an op. */
export type Options = Readonly<Record<string, unknown>>;
/** The CPU reference of an op. */
export type Reference = (inputs: Operands, options: Options) => NDArray;

/** A new array of zeros. */
export function zeros(shape: readonly number[], dtype: DType = 'f32'): NDArray {
  const size = sizeOf(shape);
  if (dtype === 'i32') return { shape, dtype, data: new Int32Array(size) };
  if (dtype === 'u32') return { shape, dtype, data: new Uint32Array(size) };
  return { shape, dtype, data: new Float32Array(size) };
}

/** A new array whose element at `index` (one number per axis) is `f(index)`; `index` is reused between calls. */
export function generate(
  shape: readonly number[],
  dtype: DType,
  f: (index: readonly number[]) => number,
): NDArray {
  const out = zeros(shape, dtype);
  const index: number[] = new Array(shape.length).fill(0);
  for (let i = 0; i < out.data.length; i++) {
    out.data[i] = f(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return out;
}

/** The element at `index`. */
export function at(a: NDArray, index: readonly number[]): number {
  let offset = 0;
  for (let axis = 0; axis < a.shape.length; axis++) offset = offset * a.shape[axis]! + index[axis]!;
  return a.data[offset]!;
}

/** The operand `name`. @throws if it is absent. */
export function operand(inputs: Operands, name: string): NDArray {
  const found = inputs[name];
  if (!found) throw new Error(`internal: the reference needs an operand ${name}, got ${Object.keys(inputs)}`);
  return found;
}
