// Parts of a large case that a CPU reference can afford: its first and its last rows. Each part is a case of
// its own, whose result is some rows of the whole.
import { type Case, type NDArray, sizeOf } from '@moviegen/kernels';

type Operands = Readonly<Record<string, NDArray>>;

/** Some rows of a case. */
export interface Part {
  /** Operands that give these rows. */
  readonly operands: Operands;
  /** Elements of the part's own result that come before its rows. */
  readonly skip: number;
  /** Where the rows begin in the whole result, in elements. */
  readonly from: number;
  readonly count: number;
}

/** Operations that a reference may take for a part; those of the convolutions are some twenty times slower. */
const AFFORDABLE = 5e7;
const cost = ({ op, flops }: Case): number => (op.startsWith('conv') ? 20 * flops : flops);

/** Whether a reference can compute the whole case. */
export const affordable = (item: Case): boolean => cost(item) <= 4 * AFFORDABLE;

/** The first and the last rows; undefined where the op has no rows that stand by themselves. */
export function parts(item: Case, operands: Operands, outputSize: number): readonly Part[] | undefined {
  if (item.op.startsWith('conv')) return convolutionParts(item, operands, outputSize);
  const sliced = slicedOperands(item, operands);
  if (!sliced) return undefined;
  const { names, axis } = sliced;
  const rows = operands[names[0]!]!.shape[axis]!;
  const some = Math.max(1, Math.min(rows, Math.floor((AFFORDABLE * rows) / cost(item))));
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

/** The operands that have the result's rows, and on which axis. */
function slicedOperands(
  { op, options }: Case,
  operands: Operands,
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
  if (op === 'layerNorm' || op === 'rmsNorm') return operands.shift ? undefined : { names: ['x'], axis: 0 };
  if (op === 'siluMul') return { names, axis: 0 };
  return undefined;
}

/** Rows along the first spatial axis, of the first batch item and of the last, with what they look at. */
function convolutionParts(item: Case, operands: Operands, outputSize: number): readonly Part[] | undefined {
  const { layout, upsample, padding = 0, paddingMode, stride = 1, dilation = 1 } = item.options;
  const { x, weight, bias, residual } = operands;
  if (layout !== 'channels-last' || upsample || paddingMode || residual) return undefined;
  if (typeof padding !== 'number' || typeof dilation !== 'number') return undefined;
  const [B, rowsIn] = x!.shape as [number, number];
  const step = typeof stride === 'number' ? stride : (stride as number[])[0]!;
  const reach = dilation * (weight!.shape[2]! - 1) + 1;
  const rows = Math.floor((rowsIn + 2 * padding - reach) / step) + 1;
  const width = outputSize / (B * rows);
  const some = Math.max(1, Math.min(rows, Math.floor((AFFORDABLE * B * rows) / cost(item))));
  const cropped = (batch: number, begin: number, end: number): Operands => ({
    x: narrow(narrow(x!, 0, batch, batch + 1), 1, begin, end),
    weight: weight!,
    ...(bias && { bias }),
  });
  const above = Math.ceil(padding / step); // rows that would see the crop's own padding
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

/** Elements `start` to `end` of an axis. */
function narrow({ shape, dtype, data }: NDArray, axis: number, start: number, end: number): NDArray {
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
