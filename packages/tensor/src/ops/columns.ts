// A range of a tensor's last axis without a copy: what attention reads of a stacked projection.
import { show } from '@moviegen/kernels';
import type { Tensor } from '../tensor.ts';

/** Columns `start` to `start + width` of the last axis. */
export interface Columns {
  readonly tensor: Tensor;
  readonly start: number;
  readonly width: number;
}

/**
 * Columns of the last axis, without a copy: for `attention`, which reads q, k and v out of one projection.
 * @throws where the range leaves the axis.
 */
export function columns(tensor: Tensor, start: number, width: number): Columns {
  const last = tensor.shape.at(-1) ?? 0;
  const whole = Number.isInteger(start) && Number.isInteger(width) && start >= 0 && width >= 1;
  if (!whole || start + width > last) {
    throw new Error(
      `columns: ${start} to ${start + width} is no range of the last axis of ${show(tensor.shape)}`,
    );
  }
  return { tensor, start, width };
}

/** The last axis in as many equal ranges, without a copy: q, k and v of a stacked projection. */
export function chunk(tensor: Tensor, count: 2): [Columns, Columns];
export function chunk(tensor: Tensor, count: 3): [Columns, Columns, Columns];
export function chunk(tensor: Tensor, count: number): Columns[] {
  const width = (tensor.shape.at(-1) ?? 0) / count;
  return Array.from({ length: count }, (_, i) => columns(tensor, i * width, width));
}

/** The whole last axis of a tensor, or the columns that were asked for. */
export function asColumns(operand: Tensor | Columns): Columns {
  if ('tensor' in operand) return operand;
  return { tensor: operand, start: 0, width: operand.shape.at(-1) ?? 0 };
}
