// The sizes of a convolution over one, two or three axes, from its operands' shapes and options. All kernels work on
// three axes T, H, W; a missing axis has size 1.
import type { Activation } from '../activation.ts';
import { show } from '../shape.ts';

/** Options of a convolution. A single number applies to all axes. */
export interface ConvOptions {
  readonly stride?: number | readonly number[];
  readonly dilation?: number | readonly number[];
  readonly groups?: number;
  /** Both sides of all axes, both sides of each axis, or low and high side of each axis. */
  readonly padding?: number | readonly number[] | readonly (readonly [number, number])[];
  readonly paddingMode?: 'zeros' | 'replicate';
  readonly layout?: 'channels-first' | 'channels-last';
  readonly activation?: Activation;
  /** Factors of nearest upsampling, which is applied to the input as it is read. */
  readonly upsample?: readonly number[];
}

export type Three = readonly [t: number, h: number, w: number];

/** A convolution as the kernels see it. */
export interface ConvShape {
  readonly batch: number;
  readonly C: number;
  readonly O: number;
  readonly groups: number;
  /** Size of the input as stored, before upsampling; the frames of `before` counted. */
  readonly input: Three;
  /** How many of its first frames (T) another tensor holds. */
  readonly before: number;
  readonly upsample: Three;
  readonly kernel: Three;
  readonly stride: Three;
  readonly dilation: Three;
  /** Low-side padding. */
  readonly pad: Three;
  readonly output: Three;
  readonly replicate: boolean;
  readonly channelsLast: boolean;
  readonly activation: Activation | undefined;
}

/** Positions along an axis are computed as floats (window.ts), which is exact below this number. */
const MOST_POSITIONS = 2 ** 22;

const three = (values: readonly number[], missing: number): Three => {
  const [t, h, w] = [...new Array(3 - values.length).fill(missing), ...values] as number[];
  return [t!, h!, w!];
};

function perAxis(
  op: string,
  name: string,
  value: number | readonly number[],
  rank: number,
): readonly number[] {
  const values = typeof value === 'number' ? new Array<number>(rank).fill(value) : value;
  if (values.length !== rank || values.some((v) => !Number.isInteger(v) || v < 1)) {
    throw new Error(`${op}: ${name} needs ${rank} integers of at least 1, got ${JSON.stringify(value)}`);
  }
  return values;
}

function padsOf(op: string, padding: ConvOptions['padding'], rank: number): (readonly [number, number])[] {
  const sides =
    typeof padding === 'number'
      ? new Array<number>(rank).fill(padding)
      : (padding ?? new Array<number>(rank).fill(0));
  const pads = sides.map((side) => (typeof side === 'number' ? ([side, side] as const) : side));
  if (
    pads.length !== rank ||
    pads.some((pair) => pair.length !== 2 || pair.some((p) => !Number.isInteger(p) || p < 0))
  ) {
    const want = `a number, ${rank} numbers or ${rank} pairs [low, high], none negative`;
    throw new Error(`${op}: padding must be ${want}; got ${JSON.stringify(padding)}`);
  }
  return pads;
}

/**
 * Sizes of `conv1d`, `conv2d` or `conv3d` (by the number of axes) over x and a weight [O, I / groups, ...kernel].
 * @param before shape of the frames that precede x along its first position axis, in a tensor of their own.
 * @returns the shape for the kernels, and the shape of the result.
 * @throws if ranks, channels, groups or the window do not fit.
 */
export function convSizes(
  x: readonly number[],
  weight: readonly number[],
  options: ConvOptions = {},
  before?: readonly number[],
): { shape: ConvShape; out: number[] } {
  const rank = weight.length - 2;
  const op = `conv${rank}d`;
  const came = `got x ${show(x)}, weight ${show(weight)}`;
  if (rank < 1 || rank > 3 || x.length !== rank + 2) {
    throw new Error(
      `conv: x and weight need 3 axes (conv1d), 4 (conv2d) or 5 (conv3d), the same number: ${came}`,
    );
  }
  const { groups = 1, paddingMode = 'zeros', layout = 'channels-first' } = options;
  const channelsLast = layout === 'channels-last';
  const C = channelsLast ? x.at(-1)! : x[1]!;
  const own = channelsLast ? x.slice(1, -1) : x.slice(2);
  const earlier = before === undefined ? 0 : framesBefore(op, x, before, options);
  const input = [own[0]! + earlier, ...own.slice(1)];
  const [O, perGroup] = [weight[0]!, weight[1]!];
  if (perGroup * groups !== C || O % groups !== 0) {
    const want = `weight [O, ${C} / groups, ...kernel] with O a multiple of groups`;
    throw new Error(`${op}: channels do not fit (${layout}, groups=${groups}): ${came}; expected ${want}`);
  }
  const stride = perAxis(op, 'stride', options.stride ?? 1, rank);
  const dilation = perAxis(op, 'dilation', options.dilation ?? 1, rank);
  const upsample = perAxis(op, 'upsample', options.upsample ?? 1, rank);
  const pads = padsOf(op, options.padding, rank);
  const kernel = weight.slice(2);
  const output = input.map((size, i) => {
    if (size === 0 || size * upsample[i]! >= MOST_POSITIONS) {
      const want = `1 to ${MOST_POSITIONS - 1} positions, upsampled ones counted`;
      throw new Error(`${op}: axis ${i} of the input must have ${want}: ${came}`);
    }
    const padded = size * upsample[i]! + pads[i]![0] + pads[i]![1];
    const window = dilation[i]! * (kernel[i]! - 1) + 1;
    if (padded < window) {
      throw new Error(
        `${op}: the window (${window}) is larger than the padded input (${padded}) on axis ${i}: ${came}`,
      );
    }
    return Math.floor((padded - window) / stride[i]!) + 1;
  });
  const shape: ConvShape = {
    batch: x[0]!,
    C,
    O,
    groups,
    input: three(input, 1),
    before: earlier,
    upsample: three(upsample, 1),
    kernel: three(kernel, 1),
    stride: three(stride, 1),
    dilation: three(dilation, 1),
    pad: three(
      pads.map(([low]) => low),
      0,
    ),
    output: three(output, 1),
    replicate: paddingMode === 'replicate',
    channelsLast,
    activation: options.activation,
  };
  return { shape, out: channelsLast ? [x[0]!, ...output, O] : [x[0]!, O, ...output] };
}

/** How many frames precede x. @throws where they are not frames of x's size, channels last. */
function framesBefore(
  op: string,
  x: readonly number[],
  before: readonly number[],
  { layout, groups = 1, upsample = [1] }: ConvOptions,
): number {
  const fits = before.length === x.length && before.every((n, axis) => (axis === 1 ? n > 0 : n === x[axis]));
  const plain = x.length === 5 && layout === 'channels-last' && groups === 1 && upsample[0] === 1;
  if (fits && plain) return before[1]!;
  const want = `[${x[0]}, n, ${x.slice(2).join(', ')}], in a channels-last conv3d without groups or upsampled frames`;
  throw new Error(`${op}: before is ${show(before)} for x ${show(x)}, expected ${want}`);
}

/**
 * The same convolution with the taps along W turned into channels, if each column of x meets one tap only (patches
 * side by side, channels last). The channels of these taps are neighbours, in x and in the packed weight. One tap
 * with many channels costs less than several taps with few. Otherwise the shape is returned unchanged.
 */
export function widened(shape: ConvShape): ConvShape {
  const { C, input, kernel, stride, dilation, pad, upsample, output } = shape;
  const width = kernel[2];
  const apart = stride[2] === width && dilation[2] === 1 && upsample[2] === 1 && pad[2] === 0;
  if (width === 1 || C % 4 !== 0 || !apart || input[2] !== output[2] * width) return shape;
  return {
    ...shape,
    C: C * width,
    input: [input[0], input[1], output[2]],
    kernel: [kernel[0], kernel[1], 1],
    stride: [stride[0], stride[1], 1],
  };
}
