// Tensors larger than the device binds or a buffer holds, taken part by part inside the ops: their callers never see
// it. Where everything fits, which is nearly always, an op runs in one piece and nothing here costs anything.
import { BYTES, copyKernel, show, sizeOf, stridesOf, type Walk } from '@moviegen/kernels';
import { largestOperand } from '../../gpu/storage.ts';
import { Tensor } from '../../tensor.ts';

/** Whether every tensor can be bound whole; what a binding could name, always lies in one buffer (`Tensor.rows`). */
export function bindable(...tensors: readonly (Tensor | undefined)[]): boolean {
  return tensors.every((tensor) => tensor === undefined || tensor.bytes <= largestOperand(tensor.device));
}

/** Runs `use` and releases the views that it was given. */
function withViews<T>(views: readonly Tensor[], use: () => T): T {
  try {
    return use();
  } finally {
    for (const view of views) view.dispose();
  }
}

/** Indices of axis 0 from one whose part may be bound to the next such one: offsets are aligned. */
function stepOf(tensor: Tensor): number {
  const alignment = tensor.device.limits.minStorageBufferOffsetAlignment;
  const each = tensor.bytes / tensor.shape[0]!;
  let step = 1;
  while ((step * each) % alignment !== 0) step *= 2;
  return step;
}

type Operands = Readonly<Record<string, Tensor | undefined>>;

/**
 * Runs an op that treats its leading axes item by item: in one piece where every operand can be bound, else over
 * ranges of those axes.
 * @param lead the leading axes.
 * @param own how many axes of each operand come after those.
 * @param operands by name, [...lead, ...own]; an axis of `lead` that an operand broadcasts over is 1 in it, or
 *   missing at the end: a gate [B, D] goes with rows [B, N, D].
 * @param run given the leading axes of a part and the operands' parts of it, views of theirs. An axis of one item
 *   may be gone from both, and a missing one there.
 */
export function inParts<Given extends Operands>(
  op: string,
  lead: readonly number[],
  own: number,
  operands: Given,
  run: (lead: readonly number[], parts: Given) => void,
): void {
  if (bindable(...Object.values(operands))) {
    run(lead, operands);
    return;
  }
  const padded = ({ shape }: Tensor) => {
    const ones = new Array<number>(lead.length + own - shape.length).fill(1);
    return [...shape.slice(0, shape.length - own), ...ones, ...shape.slice(shape.length - own)];
  };
  viewed(operands, reshaped(padded), (parts) => split(op, lead, parts, run));
}

/** A part of an operand, and what is to be done once the op has run on it. */
interface Part {
  readonly part: Tensor;
  readonly done?: () => void;
}

/** Gives `use` a part of each operand, and releases them after it. */
function viewed<Given extends Operands>(
  operands: Given,
  view: (tensor: Tensor, name: string) => Part,
  use: (parts: Given) => void,
): void {
  const given = Object.entries(operands).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
  const parts = given.map(([name, tensor]): [string, Part] => [name, view(tensor, name)]);
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
  (tensor: Tensor): Part => ({ part: tensor.reshape(shape(tensor)) });

function split<Given extends Operands>(
  op: string,
  lead: readonly number[],
  operands: Given,
  run: (lead: readonly number[], parts: Given) => void,
): void {
  const tensors = Object.values(operands).filter((tensor) => tensor !== undefined);
  if (bindable(...tensors)) {
    run(lead, operands);
    return;
  }
  const [n, ...rest] = lead;
  if (n === undefined) throw tooLarge(op, tensors);
  const whole = tensors.every((tensor) => lead.every((size, axis) => tensor.shape[axis] === size));
  if (whole && lead.length > 1) {
    const rows = sizeOf(lead);
    const flat = reshaped(({ shape }) => [rows, ...shape.slice(lead.length)]);
    viewed(operands, flat, (parts) => split(op, [rows], parts, run));
    return;
  }
  const inside = reshaped(({ shape }) => shape.slice(1));
  if (n === 1) {
    viewed(operands, inside, (parts) => split(op, rest, parts, run));
    return;
  }

  const ranged = tensors.filter(({ shape }) => shape[0] === n);
  const most = largestOperand(tensors[0]!.device);
  const step = Math.max(...ranged.map(stepOf));
  const room = Math.min(...ranged.map(({ bytes }) => Math.floor(most / (bytes / n))));
  const count = Math.floor(room / step) * step || room; // ranges that are not aligned are copied
  const range = (start: number, end: number) => (tensor: Tensor, name: string) =>
    tensor.shape[0] === n ? items(name, tensor, start, end) : { part: tensor.reshape(tensor.shape) };
  if (count > 0 && tensors.every((tensor) => ranged.includes(tensor) || bindable(tensor))) {
    const cuts = ranged.flatMap((tensor) => cutsOf(tensor));
    let end: number;
    for (let start = 0; start < n; start = end) {
      end = endOf(start, Math.min(n, start + count), step, cuts);
      viewed(operands, range(start, end), (parts) => run([end - start, ...rest], parts));
    }
    return;
  }
  if (rest.length === 0) throw tooLarge(op, tensors);
  for (let i = 0; i < n; i++) {
    viewed(operands, range(i, i + 1), (parts) => split(op, [1, ...rest], parts, run));
  }
}

/** Where a tensor goes on in another buffer, in items of axis 0; not whole ones where an item is cut. */
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

/** The end of a range so that none of the cuts lies inside it; else the range is the least one, which is copied. */
function endOf(start: number, most: number, step: number, cuts: readonly number[]): number {
  const inside = cuts.filter((cut) => cut > start && cut < most);
  if (inside.length === 0) return most;
  const aligned = Math.floor(Math.min(...inside) / step) * step;
  return aligned > start ? aligned : Math.min(start + step, most);
}

/**
 * Items `start` to `end` of axis 0: a view where those can be bound apart or are too large all the same, else a copy,
 * which `out` is copied back from.
 */
function items(name: string, tensor: Tensor, start: number, end: number): Part {
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
    const end = Math.min(tensor.size, Math.ceil((last + 1) / 4) * 4); // whole vec4s, which no buffer cuts
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
  // Halves of the axis along which the window that is too large reaches farthest.
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

/** Elements of a tensor as a list; `first` must be aligned. */
function elements(tensor: Tensor, first: number, end: number): Tensor {
  const flat = tensor.reshape([tensor.size]);
  const part = flat.rows(first, end);
  flat.dispose();
  if (part) return part;
  throw new Error(`internal: ${tensor} cannot be bound from ${first}`);
}

/** Copies columns `start ...` of the last axis of x into those of `out` from `at` on, `width` of them. */
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
