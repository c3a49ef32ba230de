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
  /** Where it is larger than the device binds: its outputs in several buffers. `tensor` is then the first of them. */
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
 * Lays one weight [out, in], or several with the same `in`, out for the product kernels.
 * Several are stacked along the output: `linear` then gives all their outputs side by side (Q, K, V in
 * one product; `columns` takes them apart). With `use: 'swiglu'` it takes exactly two, W1 and W3.
 * Quantised weights (q8, q4) stay so. The given tensors are not needed afterwards.
 * @throws where weights have different types or inputs; where quantised ones are no whole blocks (`canQuantize`).
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

/** Outputs of a weight. */
interface Piece {
  readonly weight: Tensor;
  readonly start: number;
  readonly end: number;
}

/** Blocks of four inputs; one also where there are none, so that there is something to bind. */
const blocksOf = (inputs: number): number => Math.max(1, Math.ceil(inputs / 4));

const whole = (weight: Tensor): Piece => ({ weight, start: 0, end: weight.shape[0]! });

/** Packs outputs of weights; of plain ones all of them. */
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
  // Codes, and behind all of them the scales: of four rows and of their multiples whole words.
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

/** As many outputs in a buffer as it holds: the weights' rows, cut where a buffer is full. */
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
  /** Outputs of a weight: of a plain one a view, or a copy where they cannot be bound apart. */
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
      let before = 0; // outputs of the weights before
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
 * Fills the columns of a result by the parts of a weight.
 * @param product the columns of one part; `cut` takes an operand's columns of that part.
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

function weightType(weights: readonly Tensor[]): DType {
  const { dtype } = weights[0]!;
  if (!isQuantFormat(dtype) || weights.some((weight) => weight.dtype !== dtype))
    return sameType('pack', Object.fromEntries(weights.map((tensor, i) => [`weight ${i}`, tensor])));
  const odd = weights.find(({ shape }) => !canQuantize(shape));
  if (!odd) return dtype;
  throw new Error(
    `pack: ${dtype} weights have inputs of 32 and outputs of 4 or multiples, got ${show(odd.shape)}`,
  );
}

/**
 * Lays the weight [O, I, ...kernel] of a convolution without groups out for channels-last input.
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
