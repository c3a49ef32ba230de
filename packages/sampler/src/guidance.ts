// Classifier-free guidance: `u = u_null + g (u_text - u_null)`. Turns conditional velocities into one guided one.

import { guidance, mul, scope, slice, type Tensor } from '@moviegen/tensor';

/**
 * The velocity of the flow at x and t, of x's shape. It may be a tensor that the next call overwrites: the
 * solvers here have used or copied it by then. The solver releases tensors that the function creates.
 */
export type Velocity = (x: Tensor, t: number) => Tensor | Promise<Tensor>;

/**
 * Guidance with the two branches one after the other: half the memory of a batch.
 * @param scale g; 1 asks for the text branch only.
 */
export function guided(text: Velocity, empty: Velocity, scale: number): Velocity {
  checkScale(scale);
  if (scale === 1) return text;
  return async (x, t) => {
    const uNull = mul(await empty(x, t), 1); // a copy: the next call may overwrite what this one gave
    return guidance(uNull, await text(x, t), scale);
  };
}

/** Guidance with both branches in one batch: their velocities `[2B, ...]`, null prompt first, to the guided `[B, ...]`. */
export function combineBranches(u: Tensor, scale: number): Tensor {
  const [rows = 0, ...rest] = u.shape;
  if (rows % 2 !== 0)
    throw new Error(`guidance: the batch must hold two branches, [2B, ...], got [${u.shape.join(', ')}]`);
  const branch = (first: number) =>
    slice(u, { start: [first, ...rest.map(() => 0)], end: [first + rows / 2, ...rest] });
  return scope(u.device, () => guidance(branch(0), branch(rows / 2), scale)); // [B, ...]
}

function checkScale(scale: number): void {
  if (!Number.isFinite(scale)) throw new Error(`guidance: scale must be a finite number, got ${scale}`);
}
