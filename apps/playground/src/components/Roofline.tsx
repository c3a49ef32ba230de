// Draws kernels under the roof of their adapter.

import type { BenchRow, Roof } from '../kernels/bench.ts';
import { FRAME, roofline } from '../kernels/roofline.ts';

interface Properties {
  readonly rows: readonly BenchRow[];
  readonly roof: Roof;
}

export function Roofline({ rows, roof }: Properties) {
  const { xTicks, yTicks, corners, place } = roofline(rows, roof.flops, roof.bytes);
  const { width, height, left, right, top, bottom } = FRAME;
  const path = corners.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join(' ');
  return (
    <figure class="roofline">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`Roofline of ${rows.length} kernels: speed over arithmetic intensity. The table below has the numbers.`}
      >
        {xTicks.map(({ at, label }) => (
          <g key={label}>
            <line class="grid" x1={at} x2={at} y1={top} y2={height - bottom} />
            <text x={at} y={height - bottom + 18} text-anchor="middle">
              {label}
            </text>
          </g>
        ))}
        {yTicks.map(({ at, label }) => (
          <g key={label}>
            <line class="grid" x1={left} x2={width - right} y1={at} y2={at} />
            <text x={left - 8} y={at + 4} text-anchor="end">
              {label}
            </text>
          </g>
        ))}
        <text x={(left + width - right) / 2} y={height - 8} text-anchor="middle">
          operations per byte
        </text>
        <text x={left + 8} y={top + 12}>
          GFLOP/s
        </text>
        <path class="roof" d={path} />
        {rows.map((row) => {
          const [x, y] = place(row);
          return (
            <circle key={`${row.op} ${row.name}`} cx={x} cy={y} r={5}>
              <title>{`${row.op} ${row.name}: ${row.gflops.toPrecision(3)} GFLOP/s, ${percent(row.share)} of the roof`}</title>
            </circle>
          );
        })}
      </svg>
      <figcaption class="small">
        The roof, measured: {(roof.flops / 1e9).toPrecision(3)} GFLOP/s of {roof.dtype} multiply-adds,{' '}
        {(roof.bytes / 1e9).toPrecision(3)} GB/s copied.
      </figcaption>
    </figure>
  );
}

/** A share in percent. */
export const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
