// The roofline as SVG: the best that an adapter can reach at each arithmetic intensity, and where our kernels stand. Text
// made from a report, nothing else.
import type { Ceilings } from '@moviegen/tensor/checks';

/** A kernel's place. */
export interface Point {
  readonly op: string;
  readonly name: string;
  readonly dtype: 'f32' | 'f16';
  /** Operations per byte. */
  readonly intensity: number;
  readonly gflops: number;
}

/** What is drawn. */
export interface Roofline {
  readonly title: string;
  readonly ceilings: Ceilings;
  readonly points: readonly Point[];
}

const [WIDTH, HEIGHT] = [960, 600];
const FRAME = { left: 80, right: 230, top: 50, bottom: 60 };
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f', '#8c510a'];

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => escapes[sign]!);
const rate = (gflops: number): string =>
  gflops >= 1000
    ? `${Number((gflops / 1000).toPrecision(3))} TFLOP/s`
    : `${Number(gflops.toPrecision(3))} GFLOP/s`;
const power = (value: number): number => Math.log10(value);

/** Draws a roofline. Points without operations (copies, permutes) are left out. */
export function rooflineSvg({ title, ceilings, points }: Roofline): string {
  const placed = points.filter(({ intensity, gflops }) => intensity > 0 && gflops > 0);
  const { flops, copyBytes } = ceilings;
  const roofs = [
    { name: 'f32', gflops: flops.f32 / 1e9 },
    ...(flops.f16 === undefined ? [] : [{ name: 'f16', gflops: flops.f16 / 1e9 }]),
    ...(flops.subgroupMatrix === undefined
      ? []
      : [{ name: 'subgroup matrix', gflops: flops.subgroupMatrix / 1e9 }]),
  ];
  const bandwidth = copyBytes / 1e9;
  const peak = Math.max(...roofs.map(({ gflops }) => gflops));
  const ridge = peak / bandwidth;
  const intensities = [...placed.map(({ intensity }) => intensity), 0.1, ridge * 4];
  const speeds = [...placed.map(({ gflops }) => gflops), peak, bandwidth * 0.1];
  const x = axis(intensities, FRAME.left, WIDTH - FRAME.right);
  const y = axis(speeds, HEIGHT - FRAME.bottom, FRAME.top);

  const ops = [...new Set(placed.map(({ op }) => op))];
  const colour = (op: string): string => COLOURS[ops.indexOf(op) % COLOURS.length]!;
  const parts = [
    `<text x="${FRAME.left}" y="28" font-size="16">${escaped(title)}</text>`,
    ...grid(x, y),
    ...roofs.map(({ name, gflops }) => roof(name, gflops, bandwidth, x, y)),
    slopeLabel(bandwidth, ridge, x, y),
    ...placed.map((point) => {
      const { op, name, dtype, intensity, gflops } = point;
      const at = `cx="${x.at(intensity).toFixed(1)}" cy="${y.at(gflops).toFixed(1)}"`;
      const label = escaped(
        `${op} ${name} ${dtype}: ${rate(gflops)}, ${intensity.toPrecision(3)} operations per byte`,
      );
      const filling = dtype === 'f16' ? colour(op) : 'white';
      return `<circle ${at} r="4.5" fill="${filling}" stroke="${colour(op)}" stroke-width="2"><title>${label}</title></circle>`;
    }),
    ...ops.map((op, k) => {
      const top = FRAME.top + 18 * k + 10;
      const left = WIDTH - FRAME.right + 20;
      return `<circle cx="${left}" cy="${top - 4}" r="4.5" fill="${colour(op)}"/><text x="${left + 12}" y="${top}">${escaped(op)}</text>`;
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img" aria-label="${escaped(title)}">
<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
${parts.join('\n')}
</svg>
`;
}

interface Axis {
  at(value: number): number;
  readonly powers: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** A logarithmic axis between the powers of ten that enclose all values. */
function axis(values: readonly number[], begin: number, end: number): Axis {
  const low = Math.floor(power(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(power(Math.max(...values))));
  return {
    at: (value) => begin + ((power(value) - low) / (high - low)) * (end - begin),
    powers: Array.from({ length: high - low + 1 }, (_, k) => low + k),
    begin,
    end,
  };
}

function grid(x: Axis, y: Axis): string[] {
  const line = (x1: number, y1: number, x2: number, y2: number) =>
    `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ddd"/>`;
  const number = (exponent: number) => `${Number((10 ** exponent).toPrecision(1))}`;
  return [
    ...x.powers.flatMap((exponent) => {
      const at = x.at(10 ** exponent);
      return [
        line(at, y.begin, at, y.end),
        `<text x="${at}" y="${y.begin + 18}" text-anchor="middle">${number(exponent)}</text>`,
      ];
    }),
    ...y.powers.flatMap((exponent) => {
      const at = y.at(10 ** exponent);
      return [
        line(x.begin, at, x.end, at),
        `<text x="${x.begin - 6}" y="${at + 4}" text-anchor="end">${number(exponent)}</text>`,
      ];
    }),
    `<text x="${(x.begin + x.end) / 2}" y="${HEIGHT - 18}" text-anchor="middle">operations per byte</text>`,
    `<text transform="translate(20 ${(y.begin + y.end) / 2}) rotate(-90)" text-anchor="middle">GFLOP/s</text>`,
  ];
}

/** The label with the copy's rate, beside the middle of the slope. */
function slopeLabel(bandwidth: number, ridge: number, x: Axis, y: Axis): string {
  const entry = Math.max(10 ** x.powers[0]!, 10 ** y.powers[0]! / bandwidth);
  const middle = Math.sqrt(entry * ridge);
  const at = `x="${(x.at(middle) - 8).toFixed(1)}" y="${y.at(middle * bandwidth).toFixed(1)}"`;
  return `<text ${at} text-anchor="end">copy: ${Number(bandwidth.toPrecision(3))} GB/s</text>`;
}

function roof(name: string, gflops: number, bandwidth: number, x: Axis, y: Axis): string {
  const low = 10 ** x.powers[0]!;
  const high = 10 ** x.powers.at(-1)!;
  const floor = 10 ** y.powers[0]!;
  const start = Math.max(low, floor / bandwidth); // where the slope enters the frame
  const ridge = gflops / bandwidth;
  const corners = [
    [start, start * bandwidth],
    [ridge, gflops],
    [high, gflops],
  ].filter(([intensity]) => intensity! >= start && intensity! <= high) as [number, number][];
  const line = corners.map(([a, b]) => `${x.at(a).toFixed(1)},${y.at(b).toFixed(1)}`).join(' ');
  const label = `<text x="${x.end - 4}" y="${y.at(gflops) - 6}" text-anchor="end">${name}: ${rate(gflops)}</text>`;
  return `<polyline points="${line}" fill="none" stroke="#333" stroke-width="1.5"/>${label}`;
}
