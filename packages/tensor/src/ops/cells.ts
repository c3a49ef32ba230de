// Cells of positions as channels of one position: their means on the way down, repetitions on the way up (diffusers: `AvgDown3D`,
// `DupUp3D`). The order within a cell is channel, time, row, column. Not here: tensors larger than a binding.

import { averageDownKernel, type Cell, repeatUpKernel, show } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { expectShape, sameType } from './operands.ts';

/** Options of {@link averageDown} and {@link repeatUp}. */
export interface CellOptions {
  /** Positions of a cell along T, and along H and W. */
  readonly cell: Cell;
  /** Channels of the result. */
  readonly channels: number;
  /** Added to the result, whose shape it has. */
  readonly residual?: Tensor | undefined;
}

type Five = readonly [number, number, number, number, number];

/**
 * The means of cells: each cell's values, C ft fs^2 of them, in `channels` runs. x [B, T, H, W, C] ->
 * [B, ceil(T / ft), H / fs, W / fs, channels]; zeros come before the first frame where a cell lacks frames.
 * @throws where the cells do not fit x, or the runs are not equal.
 */
export function averageDown(x: Tensor, { cell, channels, residual }: CellOptions): Tensor {
  const [ft, fs] = cell;
  const shape = checked('averageDown', x, cell, channels);
  const [B, T, H, W, C] = shape;
  if (H % fs !== 0 || W % fs !== 0 || (C * ft * fs * fs) % channels !== 0)
    throw new Error(`averageDown: cells of ${show(cell)} in ${channels} runs do not fit ${show(shape)}`);
  const out = [B, Math.ceil(T / ft), H / fs, W / fs, channels];
  const dtype = operands('averageDown', x, residual, out);
  const result = Tensor.empty(x.device, out, dtype);
  if (result.size > 0)
    x.device.run(averageDownKernel(shape, cell, channels, residual !== undefined, dtype), [
      x,
      ...(residual ? [residual] : []),
      result,
    ]);
  return result;
}

/**
 * Each position as a cell: its channels repeated until they fill the cell. x [B, T, H, W, C] ->
 * [B, T ft - skip, H fs, W fs, channels].
 * @throws where the repetitions are not whole.
 */
export function repeatUp(
  x: Tensor,
  { cell, channels, skip = 0, residual }: CellOptions & { readonly skip?: number },
): Tensor {
  const [ft, fs] = cell;
  const shape = checked('repeatUp', x, cell, channels);
  const [B, T, H, W, C] = shape;
  if ((channels * ft * fs * fs) % C !== 0 || !(Number.isInteger(skip) && skip >= 0 && skip <= T * ft))
    throw new Error(
      `repeatUp: ${C} channels do not fill cells of ${show(cell)} with ${channels}, or ${skip} frames to skip are too many: got ${show(shape)}`,
    );
  const out = [B, T * ft - skip, H * fs, W * fs, channels];
  const dtype = operands('repeatUp', x, residual, out);
  const result = Tensor.empty(x.device, out, dtype);
  if (result.size > 0)
    x.device.run(repeatUpKernel(shape, cell, channels, skip, residual !== undefined, dtype), [
      x,
      ...(residual ? [residual] : []),
      result,
    ]);
  return result;
}

function operands(op: string, x: Tensor, residual: Tensor | undefined, out: readonly number[]) {
  expectShape(op, 'residual', residual, out);
  return sameType(op, { x, residual });
}

function checked(op: string, x: Tensor, cell: Cell, channels: number): Five {
  const whole = [...cell, channels].every((n) => Number.isInteger(n) && n >= 1);
  if (x.rank === 5 && whole) return x.shape as unknown as Five;
  throw new Error(
    `${op}: x must be [B, T, H, W, C], cell and channels integers of at least 1: got ${show(x.shape)}, cell ${show(cell)}, channels ${channels}`,
  );
}
