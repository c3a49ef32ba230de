// The funnel: how many lines are left after each filter, as a table and as an SVG.

import type { Judged } from './candidate.ts';
import { FILTERS } from './filters.ts';

/** A step of the funnel. */
export interface Step {
  readonly filter: string;
  readonly refused: number;
  /** How many are left after it. */
  readonly left: number;
}

/** The steps that refused something or were asked for, in order; the first one is all there is. */
export function funnelOf(judged: readonly Judged[]): Step[] {
  const steps: Step[] = [{ filter: 'all', refused: 0, left: judged.length }];
  let left = judged.length;
  for (const filter of [...FILTERS, 'copies', 'concepts', 'shares']) {
    const refused = judged.filter(({ refusal }) => refusal?.filter === filter).length;
    left -= refused;
    steps.push({ filter, refused, left });
  }
  return steps;
}

/** The table in Markdown. */
export function funnelTable(steps: readonly Step[]): string {
  const all = Math.max(1, steps[0]!.left);
  const rows = steps.map(
    ({ filter, refused, left }) =>
      `| ${filter} | ${refused} | ${left} | ${((100 * left) / all).toFixed(1)}% |`,
  );
  return ['| filter | refused | left | of all |', '|---|---|---|---|', ...rows].join('\n');
}

const [ROW, LABEL, BAR] = [24, 110, 420] as const;

/** The same as a picture: a bar per step. */
export function funnelSvg(steps: readonly Step[]): string {
  const all = Math.max(1, steps[0]!.left);
  const height = steps.length * ROW + 16;
  const bars = steps.map(({ filter, left }, k) => {
    const y = 8 + k * ROW;
    const width = ((BAR * left) / all).toFixed(1);
    return [
      `<text x="${LABEL - 8}" y="${y + 16}" text-anchor="end">${filter}</text>`,
      `<rect x="${LABEL}" y="${y + 3}" width="${width}" height="${ROW - 6}"/>`,
      `<text x="${LABEL + BAR + 8}" y="${y + 16}">${left}</text>`,
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LABEL + BAR + 80} ${height}" role="img" aria-label="Clips left after each filter" font-family="sans-serif" font-size="13">`,
    '<style>rect{fill:#3b6fb6}text{fill:#333}@media(prefers-color-scheme:dark){rect{fill:#7fa8e0}text{fill:#ddd}}</style>',
    ...bars,
    '</svg>\n',
  ].join('\n');
}
