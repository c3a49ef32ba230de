// From a case's op name, operands and plain options to a call of the op. A new op needs one entry here. Which variants
// its kernel has is not written here: caseVariants.ts hears it from the op.
import { type DType, groupNormVariants, type Target } from '@moviegen/kernels';
import type { Device } from '../device/device.ts';
import { gelu, quickGelu, relu, silu, siluMul } from '../ops/activations.ts';
import { add, div, mul, sub } from '../ops/arithmetic.ts';
import { attention } from '../ops/attention.ts';
import { cast } from '../ops/cast.ts';
import { averageDown, type CellOptions, repeatUp } from '../ops/cells.ts';
import { columns } from '../ops/columns.ts';
import { conv1d, conv2d, conv3d } from '../ops/conv.ts';
import { embedding } from '../ops/embedding.ts';
import { groupNorm } from '../ops/groupNorm.ts';
import { linear } from '../ops/linear.ts';
import { matmul } from '../ops/matmul.ts';
import { concat, permute, slice, upsampleNearest } from '../ops/movement.ts';
import { layerNorm, rmsNorm } from '../ops/norms.ts';
import { pack, packConv } from '../ops/pack.ts';
import { pad } from '../ops/pad.ts';
import { randn } from '../ops/randn.ts';
import { max, mean, sum } from '../ops/reduce.ts';
import { rmsNormRotary } from '../ops/rmsNormRotary.ts';
import { softmax } from '../ops/softmax.ts';
import { swiglu } from '../ops/swiglu.ts';
import { timestepEmbedding } from '../ops/timestepEmbedding.ts';
import { abs, clamp, exp, sqrt } from '../ops/unary.ts';
import { eulerStep, gatedResidual, guidance, linearCombination } from '../ops/updates.ts';
import type { Tensor } from '../tensor.ts';

type Operands = Readonly<Record<string, Tensor>>;
type Options = Readonly<Record<string, unknown>>;

/** One use of an op, as a case describes it. */
export interface OpCall {
  readonly device: Device;
  readonly operands: Operands;
  readonly options: Options;
  readonly dtype: 'f32' | 'f16';
  readonly variant: string | undefined;
}

/** How the cases of an op are run. */
export interface OpEntry {
  /** Packs constant weights, which is done once, and returns the call. */
  prepare(call: OpCall): () => Tensor;
  /** Variants, best first, of an op that hands the device no choice of one kernel. */
  readonly variants?: (target: Target) => readonly string[];
}

/** An entry from a function of the operands' tensors in order and the options, variant included. */
const entry = (call: (tensors: Tensor[], options: Options) => Tensor): OpEntry => ({
  prepare({ operands, options, variant }) {
    const tensors = Object.values(operands);
    const all = variant === undefined ? options : { ...options, variant };
    return () => call(tensors, all);
  },
});

/** Tensors of the optional operands among `operands`, as options of the same names. */
const optional = (operands: Operands, required: readonly string[]): Operands =>
  Object.fromEntries(Object.entries(operands).filter(([name]) => !required.includes(name)));

const norm = (op: typeof layerNorm): OpEntry => ({
  prepare({ operands, options, variant }) {
    const all = { ...options, ...optional(operands, ['x']), variant };
    return () => op(operands.x!, all);
  },
});

const conv = (op: typeof conv1d): OpEntry => ({
  prepare({ operands, options, variant }) {
    const weight = options.packed ? packConv(operands.weight!) : operands.weight!;
    const all = { ...options, ...optional(operands, ['x', 'weight']), variant };
    return () => op(operands.x!, weight, all);
  },
});

const cells = (op: typeof averageDown): OpEntry => ({
  prepare({ operands, options }) {
    const all = { ...options, ...optional(operands, ['x']) } as unknown as CellOptions;
    return () => op(operands.x!, all);
  },
});

type Side = readonly [start: number, width: number];

/** Every op of the case list. */
export const opTable: Readonly<Record<string, OpEntry>> = {
  matmul: entry(([a, b], options) => matmul(a!, b!, options)),
  linear: {
    prepare({ operands, options, variant }) {
      const weight = options.packed ? pack(operands.weight!) : operands.weight!;
      const all = { ...options, ...optional(operands, ['x', 'weight']), variant };
      return () => linear(operands.x!, weight, all);
    },
  },
  swiglu: {
    prepare({ operands, variant }) {
      const w13 = pack([operands.w1!, operands.w3!], { use: 'swiglu' });
      return () => swiglu(operands.x!, w13, { variant });
    },
  },
  conv1d: conv(conv1d),
  conv2d: conv(conv2d),
  conv3d: conv(conv3d),
  averageDown: cells(averageDown),
  repeatUp: cells(repeatUp),
  attention: {
    prepare({ operands, options, variant }) {
      const ranges = options.columns as Readonly<Record<string, Side>> | undefined;
      const side = (name: string) => {
        const range = ranges?.[name];
        return range ? columns(operands[name]!, ...range) : operands[name]!;
      };
      const { columns: _, ...plain } = options as { heads: number; columns?: unknown };
      const all = { ...plain, ...optional(operands, ['q', 'k', 'v']), variant };
      return () => attention(side('q'), side('k'), side('v'), all);
    },
  },
  layerNorm: norm(layerNorm),
  rmsNorm: norm(rmsNorm),
  rmsNormRotary: entry(([x, weight, rotary], { columns: range, ...options }) => {
    const part = range ? columns(x!, ...(range as Side)) : x!;
    return rmsNormRotary(part, { ...options, weight: weight!, rotary: rotary! });
  }),
  groupNorm: {
    prepare({ operands, options, variant }) {
      const all = { ...(options as { groups: number }), ...optional(operands, ['x']), variant };
      return () => groupNorm(operands.x!, all);
    },
    variants: groupNormVariants,
  },
  softmax: entry(([x], options) => softmax(x!, options)),
  silu: entry(([x]) => silu(x!)),
  gelu: entry(([x], options) => gelu(x!, options)),
  quickGelu: entry(([x]) => quickGelu(x!)),
  relu: entry(([x]) => relu(x!)),
  exp: entry(([x]) => exp(x!)),
  sqrt: entry(([x]) => sqrt(x!)),
  abs: entry(([x]) => abs(x!)),
  clamp: entry(([x], options) => clamp(x!, options.low as number, options.high as number)),
  siluMul: entry(([a, b]) => siluMul(a!, b!)),
  ...Object.fromEntries(
    Object.entries({ add, sub, mul, div }).map(([name, op]): [string, OpEntry] => [
      name,
      {
        prepare({ operands, options }) {
          const side = (which: string) => operands[which] ?? (options[which] as number);
          return () => op(side('a'), side('b'));
        },
      },
    ]),
  ),
  gatedResidual: entry(([x, gate, y]) => gatedResidual(x!, gate!, y!)),
  guidance: entry(([uNull, uText], options) => guidance(uNull!, uText!, options.scale as number)),
  eulerStep: entry(([x, velocity], options) => eulerStep(x!, velocity!, options.dt as number)),
  linearCombination: entry((tensors, options) => linearCombination(tensors, options.weights as number[])),
  slice: entry(([x], options) => slice(x!, options as unknown as Parameters<typeof slice>[1])),
  concat: entry((tensors, options) => concat(tensors, { axis: options.axis as number })),
  permute: entry(([x], options) => permute(x!, options.axes as number[])),
  pad: entry(([x], options) => pad(x!, options as unknown as Parameters<typeof pad>[1])),
  upsampleNearest: entry(([x], options) =>
    upsampleNearest(x!, options as unknown as Parameters<typeof upsampleNearest>[1]),
  ),
  embedding: entry(([table, ids]) => embedding(table!, ids!)),
  cast: entry(([x], options) => cast(x!, options.to as DType)),
  sum: entry(([x], options) => sum(x!, options)),
  mean: entry(([x], options) => mean(x!, options)),
  max: entry(([x], options) => max(x!, options)),
  timestepEmbedding: entry(([t], options) =>
    timestepEmbedding(t!, options as unknown as Parameters<typeof timestepEmbedding>[1]),
  ),
  randn: {
    prepare({ device, options, dtype }) {
      const { shape, ...noise } = options as { shape: number[]; seed: number };
      return () => randn(device, shape, { ...noise, dtype });
    },
  },
};
