// The geometry of a roofline: arithmetic intensity to the right and speed upwards, both by powers of ten, and every
// kernel as a dot under the roof. Numbers only; Roofline.tsx draws them.

/** The picture's size and margins, in its own units. */
export const FRAME = { width: 720, height: 400, left: 60, right: 28, top: 16, bottom: 48 } as const;

/** A kernel's place. */
export interface Dot {
  /** Operations per byte. A copy has 0 and stands at the left edge. */
  readonly intensity: number;
  readonly gflops: number;
}

/** A labelled line of the grid. */
export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** A roofline, ready to be drawn. */
export interface Roofline {
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  /** The roof: left edge, ridge, right edge. */
  readonly corners: readonly (readonly [x: number, y: number])[];
  /** Place of a kernel. */
  place(dot: Dot): readonly [x: number, y: number];
}

/**
 * @param peak the most operations per second
 * @param bandwidth the most bytes per second
 */
export function roofline(dots: readonly Dot[], peak: number, bandwidth: number): Roofline {
  const top = peak / 1e9;
  const ridge = peak / bandwidth;
  const placed = dots.filter(({ intensity, gflops }) => intensity > 0 && gflops > 0);
  const xs = [ridge / 3, ridge * 3, ...placed.map(({ intensity }) => intensity)];
  const ys = [top / 3, top, ...placed.map(({ gflops }) => gflops)];
  const [x0, x1] = decades(xs);
  const [y0, y1] = decades(ys);
  const { width, height, left, right, top: above, bottom } = FRAME;
  const x = (value: number) => left + ((Math.log10(value) - x0) / (x1 - x0)) * (width - left - right);
  const y = (value: number) =>
    height - bottom - ((Math.log10(value) - y0) / (y1 - y0)) * (height - above - bottom);
  const clampX = (value: number) => Math.max(value, 10 ** x0);
  const clampY = (value: number) => Math.max(value, 10 ** y0);
  // The slope enters the frame at the left edge or, if it lies below the frame there, at the bottom.
  const start = Math.max(10 ** x0, (10 ** y0 * 1e9) / bandwidth);
  return {
    xTicks: powers(x0, x1).map((power) => ({ at: x(10 ** power), label: plain(power) })),
    yTicks: powers(y0, y1).map((power) => ({ at: y(10 ** power), label: plain(power) })),
    corners: [
      [x(start), y((start * bandwidth) / 1e9)],
      [x(ridge), y(top)],
      [x(10 ** x1), y(top)],
    ],
    place: ({ intensity, gflops }) => [x(clampX(intensity)), y(clampY(gflops))],
  };
}

/** Powers of ten that enclose the values, at least one apart. */
function decades(values: readonly number[]): [number, number] {
  const logs = values.map(Math.log10);
  const low = Math.floor(Math.min(...logs));
  const high = Math.ceil(Math.max(...logs) + 0.05);
  return [low, Math.max(high, low + 1)];
}

const powers = (low: number, high: number): number[] =>
  Array.from({ length: high - low + 1 }, (_, i) => low + i);

/** A power of ten as people write it. */
const plain = (power: number): string =>
  power >= 0 ? (10 ** power).toLocaleString('en') : (10 ** power).toFixed(-power);
