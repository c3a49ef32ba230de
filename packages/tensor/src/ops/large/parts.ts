// Tensors larger than a binding or a buffer, which the ops take part by part without their callers' knowledge. Where
// everything fits, which is nearly always, an op runs in one piece and nothing here costs anything.
import { BYTES, copyKernel, show, sizeOf, stridesOf, type Walk } from '@moviegen/kernels';
import { largestOperand } from '../../gpu/storage.ts';
import { Tensor } from '../../tensor.ts';

/** Whether every tensor can be bound whole: a tensor small enough to bind always lies in one buffer (`Tensor.rows`). */
export function bindable(...tensors: readonly (Tensor | undefined)[]): boolean {
  return tensors.every((tensor) => tensor === undefined || tensor.bytes <= largestOperand(tensor.device));
}

/** Runs `use`, then releases the views, also where it throws. */
function withViews<T>(views: readonly Tensor[], use: () => T): T {
  try {
    return use();
  } finally {
    for (const view of views) view.dispose();
  }
}

/** How many indices of axis 0 lie between two offsets that can be bound: offsets must be aligned. */
function stepOf(tensor: Tensor): number {
  const alignment = tensor.device.limits.minStorageBufferOffsetAlignment;
  const each = tensor.bytes / tensor.shape[0]!;
  let step = 1;
  while ((step * each) % alignment !== 0) step *= 2;
  return step;
}

type Operands = Readonly<Record<string, Tensor | undefined>>;
type RunPart<Given> = (lead: readonly number[], parts: Given, before: number) => void;

/**
 * Runs an op that computes each index of its leading axes on its own: in one piece where every operand can be bound,
 * else over ranges of those axes.
 * @param lead the leading axes.
 * @param own how many axes of each operand follow the leading ones.
 * @param operands by name, [...lead, ...own]. A leading axis over which an operand broadcasts has size 1 in it, or is left
 *   out at the end: a gate [B, D] goes with rows [B, N, D].
 * @param run takes the leading axes of a part, the operands' parts (views, which it must not keep), and how many rows, that
 *   is indices of all leading axes, come before the part. An axis of size 1 may be missing from the axes and the views, and
 *   an axis that was left out may be there.
 */
export function inParts<Given extends Operands>(
  op: string,
  lead: readonly number[],
  own: number,
  operands: Given,
  run: RunPart<Given>,
): void {
  if (bindable(...Object.values(operands))) {
    run(lead, operands, 0);
    return;
  }
  const padded = ({ shape }: Tensor) => {
    const ones = new Array<number>(lead.length + own - shape.length).fill(1);
    return [...shape.slice(0, shape.length - own), ...ones, ...shape.slice(shape.length - own)];
  };
  viewed(operands, reshaped(padded), (parts) => split(op, lead, parts, run, 0));
}

/** A part of an operand. */
interface OperandPart {
  readonly part: Tensor;
  /** Called once the op has run on the part. */
  readonly done?: () => void;
}

/** Gives `use` a part of each operand, and releases the parts afterwards. */
function viewed<Given extends Operands>(
  operands: Given,
  view: (tensor: Tensor, name: string) => OperandPart,
  use: (parts: Given) => void,
): void {
  const given = Object.entries(operands).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
  const parts = given.map(([name, tensor]): [string, OperandPart] => [name, view(tensor, name)]);
  withViews(
    parts.map(([, { part }]) => part),
    () => {
      use({ ...operands, ...Object.fromEntries(parts.map(([name, { part }]) => [name, part])) });
      for (const [, { done }] of parts) done?.();
    },
  );
}

/** The same elements under another shape. */
const reshaped =
  (shape: (tensor: Tensor) => readonly number[]) =>
  (tensor: Tensor): OperandPart => ({ part: tensor.reshape(shape(tensor)) });

/** {@link inParts} with operands of the same number of axes. */
function split<Given extends Operands>(
  op: string,
  lead: readonly number[],
  operands: Given,
  run: RunPart<Given>,
  before: number,
): void {
  const tensors = Object.values(operands).filter((tensor) => tensor !== undefined);
  if (bindable(...tensors)) {
    run(lead, operands, before);
    return;
  }
  const [n, ...rest] = lead;
  if (n === undefined) throw tooLarge(op, tensors);
  const whole = tensors.every((tensor) => lead.every((size, axis) => tensor.shape[axis] === size));
  if (whole && lead.length > 1) {
    const rows = sizeOf(lead);
    const flat = reshaped(({ shape }) => [rows, ...shape.slice(lead.length)]);
    viewed(operands, flat, (parts) => split(op, [rows], parts, run, before));
    return;
  }
  const inside = reshaped(({ shape }) => shape.slice(1));
  if (n === 1) {
    viewed(operands, inside, (parts) => split(op, rest, parts, run, before));
    return;
  }

  const ranged = tensors.filter(({ shape }) => shape[0] === n);
  const most = largestOperand(tensors[0]!.device);
  const step = Math.max(...ranged.map(stepOf));
  const room = Math.min(...ranged.map(({ bytes }) => Math.floor(most / (bytes / n))));
  const count = Math.floor(room / step) * step || room; // ranges with unaligned offsets are copied
  const range = (start: number, end: number) => (tensor: Tensor, name: string) =>
    tensor.shape[0] === n ? items(name, tensor, start, end) : { part: tensor.reshape(tensor.shape) };
  if (count > 0 && tensors.every((tensor) => ranged.includes(tensor) || bindable(tensor))) {
    const cuts = ranged.flatMap((tensor) => cutsOf(tensor));
    let end: number;
    for (let start = 0; start < n; start = end) {
      end = endOf(start, Math.min(n, start + count), step, cuts);
      viewed(operands, range(start, end), (parts) =>
        run([end - start, ...rest], parts, before + start * sizeOf(rest)),
      );
    }
    return;
  }
  if (rest.length === 0) throw tooLarge(op, tensors);
  for (let i = 0; i < n; i++) {
    viewed(operands, range(i, i + 1), (parts) =>
      split(op, [1, ...rest], parts, run, before + i * sizeOf(rest)),
    );
  }
}

/** Where a tensor continues in another buffer, in indices of axis 0; a fraction where the cut lies inside an index. */
function cutsOf(tensor: Tensor): number[] {
  const each = tensor.bytes / tensor.shape[0]!;
  let at = 0;
  return tensor
    .ranges('parts')
    .slice(0, -1)
    .map(({ bytes }) => {
      at += bytes;
      return at / each;
    });
}

/** The end of a range that contains no cut. Where that is impossible, the end of the smallest range, which will be copied. */
function endOf(start: number, most: number, step: number, cuts: readonly number[]): number {
  const inside = cuts.filter((cut) => cut > start && cut < most);
  if (inside.length === 0) return most;
  const aligned = Math.floor(Math.min(...inside) / step) * step;
  return aligned > start ? aligned : Math.min(start + step, most);
}

/**
 * Indices `start` to `end` of axis 0: a view where the device can bind it, or where it is too large to bind in any case;
 * else a copy. The copy of `out` is copied back into it afterwards.
 */
function items(name: string, tensor: Tensor, start: number, end: number): OperandPart {
  const rows = tensor.rows(start, end);
  if (rows) return { part: rows };
  const rest = tensor.shape.slice(1);
  const part = Tensor.empty(tensor.device, [end - start, ...rest], tensor.dtype);
  const here = wholeWalk(part);
  const there = { start: start * stridesOf(tensor.shape)[0]!, strides: here.strides };
  if (name === 'out')
    return { part, done: () => copyInParts('slice', part.shape, part, here, tensor, there) };
  copyInParts('slice', part.shape, tensor, there, part, here);
  return { part };
}

function tooLarge(op: string, tensors: readonly Tensor[]): Error {
  const [largest] = [...tensors].sort((a, b) => b.bytes - a.bytes);
  const most = largestOperand(largest!.device);
  return new Error(`${op}: one row of ${largest} is larger than the ${most} bytes that this adapter binds`);
}

/** A strided copy between two tensors of any size; see `copyKernel`. */
export function copyInParts(
  label: string,
  shape: readonly number[],
  x: Tensor,
  from: Walk,
  out: Tensor,
  to: Walk,
): void {
  const window = (tensor: Tensor, { start, strides }: Walk) => {
    const size = BYTES[tensor.dtype];
    const alignment = tensor.device.limits.minStorageBufferOffsetAlignment / size;
    const first = Math.floor(start / alignment) * alignment;
    const last = shape.reduce((at, n, axis) => at + (n - 1) * strides[axis]!, start);
    const end = Math.min(tensor.size, Math.ceil((last + 1) / 4) * 4); // whole vec4s, which are never cut between buffers
    return { tensor, first, end, bytes: (end - first) * size, walk: { start: start - first, strides } };
  };
  const [source, target] = [window(x, from), window(out, to)];
  const most = largestOperand(x.device);
  const large = [source, target].filter(({ tensor, first, bytes }) => {
    const at = first * BYTES[tensor.dtype];
    return bytes > most || tensor.ranges(label, at, bytes).length > 1;
  });
  if (large.length === 0) {
    const views = [source, target].map(({ tensor, first, end }) => elements(tensor, first, end));
    const kernel = copyKernel(label, shape, source.walk, target.walk, x.dtype);
    withViews(views, () => x.device.run(kernel, views));
    return;
  }
  // Halves the axis along which the window that is too large reaches farthest.
  const { strides } = large[0]!.walk;
  const reach = shape.map((n, axis) => (n - 1) * strides[axis]!);
  const axis = reach.indexOf(Math.max(...reach));
  const n = shape[axis]!;
  const half = n > 8 ? Math.ceil(n / 8) * 4 : Math.ceil(n / 2);
  for (const [start, length] of [
    [0, half],
    [half, n - half],
  ] as const) {
    const part = shape.map((size, k) => (k === axis ? length : size));
    const moved = (walk: Walk) => ({ ...walk, start: walk.start + start * walk.strides[axis]! });
    copyInParts(label, part, x, moved(from), out, moved(to));
  }
}

/** Elements `first` to `end` of a tensor, as one axis; the offset of `first` must be aligned. */
function elements(tensor: Tensor, first: number, end: number): Tensor {
  const flat = tensor.reshape([tensor.size]);
  const part = flat.rows(first, end);
  flat.dispose();
  if (part) return part;
  throw new Error(`internal: ${tensor} cannot be bound from ${first}`);
}

/** Copies `width` columns of the last axis: from `start` on in x, to `at` and onwards in `out`. */
export function copyColumns(
  label: string,
  x: Tensor,
  start: number,
  out: Tensor,
  at: number,
  width: number,
): void {
  const rows = x.size / x.shape.at(-1)!;
  if (rows * out.shape.at(-1)! !== out.size)
    throw new Error(`internal: ${label}: rows of ${show(x.shape)} and ${show(out.shape)}`);
  const walk = (tensor: Tensor, first: number) => ({ start: first, strides: [tensor.shape.at(-1)!, 1] });
  copyInParts(label, [rows, width], x, walk(x, start), out, walk(out, at));
}

/** The walk over a whole tensor. */
export const wholeWalk = (tensor: Tensor): Walk => ({ start: 0, strides: stridesOf(tensor.shape) });
