// A function applied to a long sequence range by range, so that its intermediate tensors stay small.
import { scope } from '../../device/scope.ts';
import { Tensor } from '../../tensor.ts';
import { asColumns, type Columns } from '../columns.ts';
import { slice } from '../movement.ts';
import { copyInParts } from './parts.ts';

/**
 * Applies a function to at most `most` rows of x at a time and joins the results. Where x has no more rows than that, it
 * takes all of x at once. What the function makes besides its results is released after each call.
 * @param x [B, N, D].
 * @param fn takes rows [1, n, D], the index of their batch item and the number of the item's rows before them; or all of x,
 *   undefined and 0. Each of its results is [1, n, any], or columns of such a tensor.
 * @returns the results as [B, N, any]; columns only where x was taken at once.
 */
export function byRows(
  x: Tensor,
  most: number,
  fn: (rows: Tensor, item: number | undefined, start: number) => readonly (Tensor | Columns)[],
): readonly (Tensor | Columns)[] {
  const { device } = x;
  const [B, N, D] = x.shape as [number, number, number];
  if (B * N <= most) return scope(device, () => fn(x, undefined, 0));
  const ranges = Math.ceil(N / most);
  const count = Math.ceil(N / ranges / 64) * 64; // aligned, so that ranges can be bound without a copy
  let joined: readonly Tensor[] | undefined;
  for (let b = 0; b < B; b++)
    for (let start = 0; start < N; start += count) {
      const n = Math.min(count, N - start);
      joined = scope(device, () => {
        const first = b * N + start;
        const flat = x.reshape([B * N, D]);
        const rows = flat.rows(first, first + n) ?? slice(flat, { start: [first], end: [first + n] });
        const results = fn(rows.reshape([1, n, D]), b, start).map(asColumns);
        const into =
          joined ?? results.map(({ tensor, width }) => Tensor.empty(device, [B, N, width], tensor.dtype));
        for (const [i, { tensor, start: column, width }] of results.entries()) {
          const from = { start: column, strides: [tensor.shape.at(-1)!, 1] };
          copyInParts('join', [n, width], tensor, from, into[i]!, {
            start: first * width,
            strides: [width, 1],
          });
        }
        return into;
      });
    }
  return joined!;
}
