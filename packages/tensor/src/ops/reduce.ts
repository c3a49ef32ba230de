// Sum, mean and maximum over axes.
import { type Reduction, reduceStages } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { sameType } from './operands.ts';
import { axesOf, show } from './shapes.ts';

/** Options of the reductions. */
export interface ReduceOptions {
  /** Default: all. */
  readonly axes?: readonly number[] | undefined;
  /** Leave the axes in the shape, with size 1. */
  readonly keepDims?: boolean | undefined;
}

function reduce(op: Reduction, x: Tensor, options: ReduceOptions): Tensor {
  const dtype = sameType(op, { x });
  const axes = axesOf(op, options.axes ?? x.shape.map((_, axis) => axis), x);
  const kept = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  const shape = options.keepDims ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  if (axes.some((axis) => x.shape[axis] === 0)) {
    if (op === 'sum') return Tensor.zeros(x.device, shape, dtype);
    throw new Error(`${op}: axes [${axes.join(', ')}] of ${show(x.shape)} hold no element`);
  }
  if (x.size === 0) return Tensor.empty(x.device, shape, dtype);
  let current = x;
  for (const { kernel, size, dtype: type } of reduceStages(op, x.shape, axes, dtype)) {
    const next = Tensor.empty(x.device, [size], type);
    x.device.run(kernel, [current, next]);
    if (current !== x) current.dispose();
    current = next;
  }
  const result = current.reshape(shape);
  current.dispose();
  return result;
}

/**
 * Sum over axes, in f32.
 * @throws where an axis does not exist or comes twice.
 */
export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce('sum', x, options);

/** Mean over axes, in f32. @throws as {@link sum}, and where there is no element. */
export const mean = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce('mean', x, options);

/** Maximum over axes; NaN where any element is. @throws as {@link sum}, and where there is no element. */
export const max = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce('max', x, options);
