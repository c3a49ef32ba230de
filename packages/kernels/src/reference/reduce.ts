// CPU references of sum, mean and max over axes.
import { generate, operand, type Reference, zeros } from './ndarray.ts';

const reduce =
  (
    begin: number,
    f: (all: number, next: number) => number,
    end: (all: number, count: number) => number,
  ): Reference =>
  (inputs, options) => {
    const x = operand(inputs, 'x');
    const rank = x.shape.length;
    const axes = ((options.axes as number[] | undefined) ?? x.shape.map((_, axis) => axis)).map(
      (axis) => (axis + rank) % rank,
    );
    const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const small = kept.map((axis) => x.shape[axis]!);
    const totals: number[] = new Array(zeros(small).data.length).fill(begin);
    let i = 0;
    generate(x.shape, x.dtype, (index) => {
      const at = kept.reduce((offset, axis) => offset * x.shape[axis]! + index[axis]!, 0);
      totals[at] = f(totals[at]!, x.data[i++]!);
      return 0;
    });
    const shape = options.keepDims ? x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n)) : small;
    const count = x.data.length / totals.length;
    let k = 0;
    return generate(shape, x.dtype, () => end(totals[k++]!, count));
  };

const plus = (a: number, b: number): number => a + b;
export const sum = reduce(0, plus, (all) => all);
export const mean = reduce(0, plus, (all, count) => all / count);
export const max = reduce(Number.NEGATIVE_INFINITY, Math.max, (all) => all);
