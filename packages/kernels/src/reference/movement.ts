// CPU references of the ops that move elements: slice, concat, permute, pad, upsampleNearest, embedding, cast.
import type { DType } from '../kernel.ts';
import { at, generate, operand, type Reference, zeros } from './ndarray.ts';

/** x[start : end], with bounds as in Python: negative ones count from the end, those past an end are moved to it. */
export const slice: Reference = (inputs, options) => {
  const x = operand(inputs, 'x');
  const bound = (list: unknown, axis: number, missing: number) => {
    const value = (list as number[])[axis] ?? missing;
    const n = x.shape[axis]!;
    return Math.min(Math.max(value < 0 ? value + n : value, 0), n);
  };
  const start = x.shape.map((_, axis) => bound(options.start, axis, 0));
  const shape = x.shape.map((n, axis) => Math.max(0, bound(options.end, axis, n) - start[axis]!));
  return generate(shape, x.dtype, (index) =>
    at(
      x,
      index.map((i, axis) => i + start[axis]!),
    ),
  );
};

/** The operands, in order, one after the other along the option `axis`. */
export const concat: Reference = (inputs, options) => {
  const tensors = Object.values(inputs);
  const rank = tensors[0]!.shape.length;
  const axis = ((options.axis as number) + rank) % rank;
  const length = tensors.reduce((total, x) => total + x.shape[axis]!, 0);
  const shape = tensors[0]!.shape.map((n, k) => (k === axis ? length : n));
  return generate(shape, tensors[0]!.dtype, (index) => {
    let along = index[axis]!;
    for (const x of tensors) {
      if (along < x.shape[axis]!) return at(x, index.with(axis, along));
      along -= x.shape[axis]!;
    }
    throw new Error('internal: past the end of concat');
  });
};

/** Axis k of the result is axis `axes[k]` of x. */
export const permute: Reference = (inputs, options) => {
  const x = operand(inputs, 'x');
  const axes = (options.axes as number[]).map((axis) => (axis + x.shape.length) % x.shape.length);
  return generate(
    axes.map((axis) => x.shape[axis]!),
    x.dtype,
    (index) => {
      const own = [...index];
      axes.forEach((axis, k) => {
        own[axis] = index[k]!;
      });
      return at(x, own);
    },
  );
};

/** Adds constant or replicated elements before and after along each axis. */
export const pad: Reference = (inputs, options) => {
  const x = operand(inputs, 'x');
  const pads = options.pads as [number, number][];
  const shape = x.shape.map((n, axis) => n + pads[axis]![0] + pads[axis]![1]);
  return generate(shape, x.dtype, (index) => {
    const place = index.map((i, axis) => i - pads[axis]![0]);
    const inside = place.map((p, axis) => Math.min(Math.max(p, 0), x.shape[axis]! - 1));
    if (options.mode !== 'replicate' && inside.some((p, axis) => p !== place[axis])) {
      return (options.value as number | undefined) ?? 0;
    }
    return at(x, inside);
  });
};

/** Every element repeated `scale[axis]` times along each axis. */
export const upsampleNearest: Reference = (inputs, options) => {
  const x = operand(inputs, 'x');
  const scale = options.scale as number[];
  const factors = options.layout === 'channels-last' ? [1, ...scale, 1] : [1, 1, ...scale];
  return generate(
    x.shape.map((n, axis) => n * factors[axis]!),
    x.dtype,
    (index) =>
      at(
        x,
        index.map((i, axis) => Math.floor(i / factors[axis]!)),
      ),
  );
};

/** The rows of the table at the ids; zeros for an id outside the table. */
export const embedding: Reference = (inputs) => {
  const [table, ids] = [operand(inputs, 'table'), operand(inputs, 'ids')];
  const [V, D] = table.shape as [number, number];
  return generate([...ids.shape, D], table.dtype, (index) => {
    const id = at(ids, index.slice(0, -1));
    return id >= 0 && id < V ? table.data[id * D + index.at(-1)!]! : 0;
  });
};

/** x as another type; floats become integers by truncation, clamped to the floats inside the type's range; a NaN becomes 0. */
export const cast: Reference = (inputs, options) => {
  const x = operand(inputs, 'x');
  const to = options.to as DType;
  const [least, most] = to === 'i32' ? [-(2 ** 31), 2 ** 31 - 128] : [0, 2 ** 32 - 256];
  const out = zeros(x.shape, to);
  out.data.forEach((_, i) => {
    const v = x.data[i]!;
    const integer = to === 'i32' || to === 'u32';
    const wraps = x.dtype === 'i32' || x.dtype === 'u32';
    out.data[i] = integer && !wraps ? Math.min(Math.max(Math.trunc(v), least), most) : v;
  });
  return out;
};
