// CPU references of broadcasting arithmetic. For an absent operand, the options hold a number of that name.
import { broadcastShape } from '../shape.ts';
import { at, generate, type NDArray, type Reference } from './ndarray.ts';

/** The element of `x` at `index` of the wider shape that `x` is broadcast to. */
export function broadcastAt(x: NDArray, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length);
  return at(
    x,
    own.map((i, axis) => (x.shape[axis] === 1 ? 0 : i)),
  );
}

const arithmetic =
  (f: (a: number, b: number) => number, onIntegers = f): Reference =>
  (inputs, options) => {
    const { a, b } = inputs;
    const shape = broadcastShape(...[a, b].flatMap((side) => (side ? [side.shape] : [])))!;
    const { dtype } = (a ?? b)!;
    const integer = dtype === 'i32' || dtype === 'u32';
    const side = (x: NDArray | undefined, name: string, index: readonly number[]) =>
      x ? broadcastAt(x, index) : integer ? (options[name] as number) : Math.fround(options[name] as number);
    return generate(shape, dtype, (index) =>
      (integer ? onIntegers : f)(side(a, 'a', index), side(b, 'b', index)),
    );
  };

export const add = arithmetic((a, b) => a + b);
export const sub = arithmetic((a, b) => a - b);
export const mul = arithmetic((a, b) => a * b, Math.imul);
export const div = arithmetic((a, b) => a / b);
