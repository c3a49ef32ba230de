// Constant weights in the layout that the kernels of linear, swiglu and the convolutions read. A weight larger than a binding
// becomes several packed weights, each with a range of the outputs.

import {
  BYTES,
  canQuantize,
  codeBytes,
  type DType,
  isQuantFormat,
  packKernel,
  packQuantizedKernel,
  QUANT_BLOCK,
  type QuantFormat,
  show,
  sizeOf,
} from '@moviegen/kernels';
import { scope } from '../device/scope.ts';
import { largestOperand } from '../gpu/storage.ts';
import { Tensor } from '../tensor.ts';
import { bindable, copyColumns, copyInParts } from './large/parts.ts';
import { slice } from './movement.ts';
import { sameType } from './operands.ts';

/** A constant weight laid out for {@link linear} or {@link swiglu}. Made once, at load, by {@link pack}. */
export interface Packed {
  /** The numbers; their layout is the kernels' own. */
  readonly tensor: Tensor;
  /** Inputs of the layer. */
  readonly inputs: number;
  /** Outputs of each weight that went in, in order. */
  readonly outputs: readonly number[];
  readonly use: 'linear' | 'swiglu';
  /** A weight larger than a binding in several buffers, each with a range of the outputs; `tensor` is then the first. */
  readonly parts?: readonly Packed[];
}

/** A constant weight laid out for the convolutions. Made once, at load, by {@link packConv}. */
export interface PackedConv {
  /** The numbers; their layout is the kernels' own. */
  readonly tensor: Tensor;
  /** Shape of the weight that went in, [O, I, ...kernel]. */
  readonly shape: readonly number[];
  readonly use: 'conv';
}

/**
 * Lays out one weight [out, in], or several with the same `in`, for the product kernels.
 * Several are stacked along the output: `linear` then gives all their outputs side by side (Q, K, V in
 * one product; `columns` takes them apart). With `use: 'swiglu'` it takes exactly two, W1 and W3.
 * Quantised weights (q8, q4) stay quantised. The given tensors are not needed afterwards.
 * @throws where weights have different types or inputs; where quantised ones do not consist of whole blocks (`canQuantize`).
 */
export function pack(
  weight: Tensor | readonly Tensor[],
  options: { readonly use?: Packed['use'] } = {},
): Packed {
  const weights = weight instanceof Tensor ? [weight] : weight;
  const { use = 'linear' } = options;
  const shapes = weights.map(({ shape }) => show(shape)).join(', ');
  const [first] = weights;
  if (!first || weights.some(({ shape }) => shape.length !== 2 || shape[1] !== first.shape[1])) {
    throw new Error(`pack: expected weights [out, in] with the same in, got ${shapes || 'none'}`);
  }
  const outputs = weights.map(({ shape }) => shape[0]!);
  if (use === 'swiglu' && (weights.length !== 2 || outputs[0] !== outputs[1])) {
    throw new Error(`pack: swiglu takes two weights of one shape, W1 and W3; got ${shapes}`);
  }
  weightType(weights);
  return packPieces(weights.map(whole), use);
}

/** A range of the outputs of a weight. */
interface Piece {
  readonly weight: Tensor;
  readonly start: number;
  readonly end: number;
}

/** How many blocks of four inputs; at least one, because an empty tensor cannot be bound. */
const blocksOf = (inputs: number): number => Math.max(1, Math.ceil(inputs / 4));

const whole = (weight: Tensor): Piece => ({ weight, start: 0, end: weight.shape[0]! });

/** Packs ranges of the outputs of weights; the range of a plain weight is always the whole. */
function packPieces(pieces: readonly Piece[], use: Packed['use']): Packed {
  const { device, dtype, label, shape } = pieces[0]!.weight;
  const inputs = shape[1]!;
  const outputs = pieces.map(({ start, end }) => end - start);
  const total = outputs.reduce((sum, n) => sum + n, 0);
  const pitch = use === 'swiglu' ? 2 * Math.ceil(outputs[0]! / 4) : Math.ceil(total / 4);
  const blocks = isQuantFormat(dtype) ? [inputs / 32, pitch, 128] : [blocksOf(inputs), pitch, 16];
  const most = largestOperand(device);
  if (sizeOf(blocks) * BYTES[dtype] > most) return packInParts(pieces, outputs, use, most);
  const tensor = Tensor.empty(device, blocks, dtype, label);
  let start = 0;
  for (const [i, { weight, start: first }] of pieces.entries()) {
    const N = outputs[i]!;
    const place = {
      N,
      I: inputs,
      pitch,
      ...(use === 'swiglu' ? { start: 4 * i, every: 8 } : { start, every: 4 }),
    };
    scope(device, () => {
      if (!isQuantFormat(dtype))
        return device.run(packKernel({ ...place, taps: 1 }, dtype), [weight, tensor]);
      const range = bindable(weight)
        ? { weight, first }
        : { weight: rowsOf(weight, dtype, first, first + N), first: 0 };
      const shape = { ...place, first: range.first, of: range.weight.shape[0]! };
      device.run(packQuantizedKernel(shape, dtype), [range.weight, tensor]);
    });
    start += N;
  }
  return { tensor, inputs, outputs, use };
}

/** Rows of a quantised weight that cannot be bound, in a tensor that can. */
function rowsOf(weight: Tensor, dtype: QuantFormat, start: number, end: number): Tensor {
  const { device, shape } = weight;
  const [O, I] = shape as [number, number];
  const rows = Tensor.empty(device, [end - start, I], dtype);
  // All codes come first, then all scales. Those of four rows, or of a multiple of four, fill whole words.
  const codes = (n: number) => codeBytes(n * I, dtype) / 4;
  const scales = (n: number) => (n * I) / QUANT_BLOCK / 2;
  const copy = (from: number, to: number, count: number) => {
    const [at, put] = [from, to].map((first) => ({ start: first, strides: [1] }));
    copyInParts('pack', [count], weight.words(), at!, rows.words(), put!);
  };
  copy(codes(start), 0, codes(end - start));
  copy(codes(O) + scales(start), codes(end - start), scales(end - start));
  return rows;
}

/** Packs the weights into several tensors, each with as many outputs as a binding holds. */
function packInParts(
  weights: readonly Piece[],
  outputs: readonly number[],
  use: Packed['use'],
  most: number,
): Packed {
  const { dtype, device, shape } = weights[0]!.weight;
  const inputs = shape[1]!;
  const each = 4 * blocksOf(inputs) * BYTES[dtype] * (use === 'swiglu' ? 2 : 1);
  const step = Math.floor(most / each / 64) * 64 || Math.floor(most / each / 4) * 4;
  if (step === 0)
    throw new Error(
      `pack: four outputs of ${inputs} inputs take more than the ${most} bytes that this adapter binds`,
    );
  /** A range of a weight's outputs; for a plain weight a view, or a copy where the device cannot bind the view. */
  const rows = ({ weight, start: before }: Piece, start: number, end: number): Piece => {
    if (isQuantFormat(dtype)) return { weight, start: before + start, end: before + end };
    return whole(weight.rows(start, end) ?? slice(weight, { start: [start], end: [end] }));
  };
  const total = use === 'swiglu' ? outputs[0]! : outputs.reduce((sum, n) => sum + n, 0);
  const parts: Packed[] = [];
  for (let from = 0; from < total; from += step) {
    const to = Math.min(total, from + step);
    const part = scope(device, () => {
      if (use === 'swiglu')
        return packPieces(
          weights.map((weight) => rows(weight, from, to)),
          use,
        );
      let before = 0; // outputs of the earlier weights
      const pieces = weights.flatMap((weight, i) => {
        const [start, end] = [Math.max(from - before, 0), Math.min(to - before, outputs[i]!)];
        before += outputs[i]!;
        return start < end ? [rows(weight, start, end)] : [];
      });
      return packPieces(pieces, use);
    });
    parts.push(part);
  }
  return { tensor: parts[0]!.tensor, inputs, outputs, use, parts };
}

/**
 * Fills the columns of a result from a weight in parts.
 * @param product gives the columns of one part; `cut` takes the same columns out of another operand.
 */
export function fillByOutputs(
  op: string,
  parts: readonly Packed[],
  out: Tensor,
  product: (part: Packed, cut: (operand: Tensor | undefined) => Tensor | undefined) => Tensor,
): void {
  let at = 0;
  for (const part of parts) {
    const width = part.use === 'swiglu' ? part.outputs[0]! : part.outputs.reduce((sum, n) => sum + n, 0);
    const columns = { start: at, end: at + width };
    scope(out.device, () => {
      const cut = (operand: Tensor | undefined) =>
        operand &&
        slice(operand, {
          start: [...operand.shape.slice(1).fill(0), columns.start],
          end: [...operand.shape.slice(0, -1), columns.end],
        });
      copyColumns(op, product(part, cut), 0, out, columns.start, width);
    });
    at += width;
  }
}

/** The one type of the weights. @throws where types differ, or quantised weights have no whole blocks. */
function weightType(weights: readonly Tensor[]): DType {
  const { dtype } = weights[0]!;
  if (!isQuantFormat(dtype) || weights.some((weight) => weight.dtype !== dtype))
    return sameType('pack', Object.fromEntries(weights.map((tensor, i) => [`weight ${i}`, tensor])));
  const odd = weights.find(({ shape }) => !canQuantize(shape));
  if (!odd) return dtype;
  throw new Error(
    `pack: ${dtype} weights need a multiple of 32 inputs and of 4 outputs, got ${show(odd.shape)}`,
  );
}

/**
 * Lays out the weight [O, I, ...kernel] of a convolution without groups for channels-last input.
 * The given tensor is not needed afterwards.
 */
export function packConv(weight: Tensor): PackedConv {
  const [O = 0, I = 0, ...kernel] = weight.shape;
  if (kernel.length < 1 || kernel.length > 3) {
    throw new Error(
      `packConv: expected a weight [O, I, ...kernel] of 1 to 3 axes, got ${show(weight.shape)}`,
    );
  }
  const dtype = sameType('packConv', { weight });
  const taps = sizeOf(kernel);
  const pitch = Math.ceil(O / 4);
  const tensor = Tensor.empty(weight.device, [taps, blocksOf(I), pitch, 16], dtype, weight.label);
  weight.device.run(packKernel({ N: O, I, taps, pitch, start: 0, every: 4 }, dtype), [weight, tensor]);
  return { tensor, shape: weight.shape, use: 'conv' };
}
