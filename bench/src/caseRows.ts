// The first and the last rows of a large case, so that they can be checked without the rest: each is a case of its own
// with fewer operands. Operands are arrays on the host or tensors on a device.
import { type Case, type NDArray, sizeOf } from '@moviegen/kernels';

interface Shaped {
  readonly shape: readonly number[];
}
/** Elements `start` to `end` of an axis. */
export type Narrow<T> = (x: T, axis: number, start: number, end: number) => T;

/** Some rows of a case's result, and how to compute them alone. */
export interface CaseRows<T> {
  /** Operands that give these rows. */
  readonly operands: Readonly<Record<string, T>>;
  /** Elements of the small case's result that come before these rows. */
  readonly skip: number;
  /** Where the rows begin in the whole result, in elements. */
  readonly from: number;
  readonly count: number;
}

/** Operations that a CPU reference may take for some rows. */
export const AFFORDABLE = 5e7;

/** What a case costs its CPU reference, in operations; the convolutions' reference is some twenty times slower. */
export const referenceCost = ({ op, flops }: Case): number => (op.startsWith('conv') ? 20 * flops : flops);

/**
 * The first and the last rows; undefined where the op's rows cannot be computed alone.
 * @param share how many of all rows each of the two may have; at least one row
 */
export function firstAndLastRows<T extends Shaped>(
  item: Case,
  operands: Readonly<Record<string, T>>,
  outputSize: number,
  share: number,
  narrow: Narrow<T>,
): readonly CaseRows<T>[] | undefined {
  if (/^conv\dd$/.test(item.op)) return convolutionRows(item, operands, outputSize, share, narrow);
  const sliced = slicedOperands(item, operands);
  if (!sliced) return undefined;
  const { names, axis } = sliced;
  const rows = operands[names[0]!]!.shape[axis]!;
  const some = Math.max(1, Math.min(rows, Math.floor(share * rows)));
  const width = outputSize / rows;
  return [0, rows - some].map((start) => ({
    operands: Object.fromEntries(
      Object.entries(operands).map(([name, array]) => [
        name,
        names.includes(name) ? narrow(array, axis, start, start + some) : array,
      ]),
    ),
    skip: 0,
    from: start * width,
    count: some * width,
  }));
}

/** The operands that are cut with the result's rows, and the axis of those rows. */
function slicedOperands(
  { op, options }: Case,
  operands: Readonly<Record<string, Shaped>>,
): { names: readonly string[]; axis: number } | undefined {
  const names = Object.keys(operands);
  const { a, q, x } = operands;
  if (op === 'matmul') {
    return a!.shape.length === 2 && !options.transposeA ? { names: ['a'], axis: 0 } : undefined;
  }
  if (op === 'attention') {
    const plain = q!.shape[0] === 1 && names.length === 3 && !options.causal && !options.columns;
    return plain ? { names: ['q'], axis: 1 } : undefined;
  }
  if (op === 'linear') {
    const plain = x!.shape.length === 2 && !operands.gate;
    return plain
      ? { names: names.filter((name) => name === 'x' || name === 'residual'), axis: 0 }
      : undefined;
  }
  if (op === 'swiglu') return x!.shape.length === 2 ? { names: ['x'], axis: 0 } : undefined;
  const single = x?.shape.length === 3 && x.shape[0] === 1; // with one batch item, rows are the next axis
  if (op === 'layerNorm' || op === 'rmsNorm') {
    if (!operands.shift || operands.shift.shape.length === 1) return { names: ['x'], axis: 0 };
    return single ? { names: ['x'], axis: 1 } : undefined;
  }
  if (op === 'gatedResidual') return single ? { names: ['x', 'y'], axis: 1 } : undefined;
  if (op === 'groupNorm') return { names: ['x'], axis: 0 };
  if (op === 'siluMul' || op === 'silu' || op === 'gelu') return { names, axis: 0 };
  return undefined;
}

/** Rows along the first spatial axis, of the first batch item and of the last, with the input that they read. */
function convolutionRows<T extends Shaped>(
  item: Case,
  operands: Readonly<Record<string, T>>,
  outputSize: number,
  share: number,
  narrow: Narrow<T>,
): readonly CaseRows<T>[] | undefined {
  const { layout, upsample, padding = 0, paddingMode, stride = 1, dilation = 1 } = item.options;
  const { x, weight, residual } = operands;
  if (layout !== 'channels-last' || upsample || paddingMode || residual) return undefined;
  if (typeof padding !== 'number' || typeof dilation !== 'number') return undefined;
  const [B, rowsIn] = x!.shape as [number, number];
  const step = typeof stride === 'number' ? stride : (stride as number[])[0]!;
  const reach = dilation * (weight!.shape[2]! - 1) + 1;
  const rows = Math.floor((rowsIn + 2 * padding - reach) / step) + 1;
  const width = outputSize / (B * rows);
  const some = Math.max(1, Math.min(rows, Math.floor(share * B * rows)));
  const cropped = (batch: number, begin: number, end: number): Readonly<Record<string, T>> => ({
    ...operands,
    x: narrow(narrow(x!, 0, batch, batch + 1), 1, begin, end),
  });
  const above = Math.ceil(padding / step); // rows that would read the padding of the cropped input
  const first = Math.max(0, rows - some - above);
  return [
    {
      operands: cropped(0, 0, Math.min(rowsIn, (some - 1) * step + reach)),
      skip: 0,
      from: 0,
      count: some * width,
    },
    {
      operands: cropped(B - 1, first * step, rowsIn),
      skip: (rows - some - first) * width,
      from: (B * rows - some) * width,
      count: some * width,
    },
  ];
}

/** {@link Narrow} of arrays on the host. */
export function narrowArray(
  { shape, dtype, data }: NDArray,
  axis: number,
  start: number,
  end: number,
): NDArray {
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const length = (end - start) * inner;
  const out = data.slice(0, outer * length);
  for (let o = 0; o < outer; o++) {
    const at = (o * shape[axis]! + start) * inner;
    out.set(data.subarray(at, at + length), o * length);
  }
  return { shape: shape.map((n, k) => (k === axis ? end - start : n)), dtype, data: out };
}
