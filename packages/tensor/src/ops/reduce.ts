// Sum, mean and maximum over axes.
import { type Reduction, reduceStages, show } from '@moviegen/kernels';
import { scope } from '../device/scope.ts';
import { largestOperand } from '../gpu/storage.ts';
import { Tensor } from '../tensor.ts';
import { div } from './arithmetic.ts';
import { cast } from './cast.ts';
import { bindable } from './large/parts.ts';
import { concat, slice } from './movement.ts';
import { axesOf, sameType } from './operands.ts';

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
    throw new Error(`${op}: axes ${show(axes)} of ${show(x.shape)} hold no element`);
  }
  if (x.size === 0) return Tensor.empty(x.device, shape, dtype);
  if (!bindable(x)) return scope(x.device, () => reduceInParts(op, x, axes).reshape(shape));
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

/** The reduction of a tensor that is larger than the device binds, with the axes left in. */
function reduceInParts(op: Reduction, x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.findIndex((n, axis) => n > 1 && !axes.includes(axis));
  if (kept >= 0) {
    const results = pieces(x, kept).map((piece) =>
      scope(x.device, () => reduce(op, piece(), { axes, keepDims: true })),
    );
    return concat(results, { axis: kept });
  }
  // All of it becomes one number: that of the pieces' numbers, which stay f32 until the end.
  const along = x.shape.findIndex((n) => n > 1);
  const of = op === 'max' ? 'max' : 'sum';
  const whole = (part: Tensor) => reduce(of, part, { keepDims: true });
  const partials = pieces(x, along).map((piece) => scope(x.device, () => whole(cast(piece(), 'f32'))));
  const result = whole(concat(partials, { axis: along }));
  return cast(op === 'mean' ? div(result, x.size) : result, x.dtype);
}

/** A tensor cut along an axis into pieces of which each can be bound, as f32 too, or has one item of the axis. */
function pieces(x: Tensor, axis: number): (() => Tensor)[] {
  const n = x.shape[axis]!;
  const each = Math.max(1, Math.floor(((largestOperand(x.device) / 4) * n) / x.size));
  const length = Math.min(Math.floor(each / 64) * 64 || each, Math.ceil(n / 2)); // offsets are aligned
  return Array.from({ length: Math.ceil(n / length) }, (_, i) => () => {
    const [start, end] = [i * length, Math.min(n, (i + 1) * length)];
    const before = x.shape.slice(0, axis);
    const outermost = before.every((size) => size === 1);
    const rows = outermost ? x.reshape(x.shape.slice(axis)).rows(start, end) : undefined;
    if (rows) return rows.reshape([...before, ...rows.shape]);
    return slice(x, { start: [...before.map(() => 0), start], end: [...before, end] });
  });
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
