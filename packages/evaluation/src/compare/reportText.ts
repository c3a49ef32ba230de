// The report as tables in Markdown and as a picture.

import type { AutomaticAxis } from './automatic.ts';
import type { AxisReport, Net } from './report.ts';

/** The tables. @param names of both sides */
export function reportText(
  axes: readonly AxisReport[],
  automatic: readonly AutomaticAxis[],
  names: readonly [a: string, b: string],
): string {
  const lines = [
    `A is ${names[0]}, B is ${names[1]}. Net win rate: wins% - losses% of A, 95% by bootstrap over prompts.`,
  ];
  const voted = axes.filter(({ votes }) => votes > 0);
  if (voted.length > 0) {
    lines.push(
      '',
      '| axis | pairs | A | tie | B | net win rate | 95% | sigma | so A and B are |',
      '|---|---|---|---|---|---|---|---|---|',
    );
    for (const one of voted) {
      const sigma = one.sigma === undefined ? '-' : one.sigma.toFixed(2);
      lines.push(`| ${one.axis.title} | ${cells(one)} | ${sigma} | ${words(one)} |`);
    }
    for (const [title, of] of [
      ['concept', (one: AxisReport) => one.byConcept],
      ['motion level', (one: AxisReport) => one.byMotion],
    ] as const) {
      const rows = voted.flatMap((one) =>
        Object.entries(of(one)).map(([name, net]) => `| ${one.axis.title} | ${name} | ${cells(net)} |`),
      );
      if (rows.length > 0)
        lines.push(
          '',
          `| axis | ${title} | pairs | A | tie | B | net win rate | 95% |`,
          '|---|---|---|---|---|---|---|---|',
          ...rows,
        );
    }
    lines.push(
      '',
      '| axis | raters | votes | majority of | pairs with fewer raters | raters agree | votes repeated |',
      '|---|---|---|---|---|---|---|',
    );
    for (const one of voted)
      lines.push(
        `| ${one.axis.title} | ${one.raters.length} | ${one.votes} | ${one.axis.raters} | ${one.short} | ${percent(one.agreement)} | ${percent(one.repeated)} |`,
      );
  } else lines.push('', 'There are no votes.');
  if (automatic.length > 0) {
    lines.push('', '| measure | better | A | B | net win rate by pairs | 95% |', '|---|---|---|---|---|---|');
    for (const { title, better, a, b, net } of automatic)
      lines.push(
        `| ${title} | ${better} | ${figure(a)} | ${figure(b)} | ${net ? signed(net.net) : '-'} | ${net ? interval(net) : '-'} |`,
      );
    for (const { title, note } of automatic) if (note !== undefined) lines.push('', `${title}: ${note}.`);
  }
  return lines.join('\n');
}

const signed = (value: number): string => `${value > 0 ? '+' : ''}${value.toFixed(2)}`;
const interval = ({ low, high }: Net): string => `${signed(low)} to ${signed(high)}`;
const percent = (share: number | undefined): string =>
  share === undefined ? '-' : `${(100 * share).toFixed(1)}%`;
const figure = (value: number | undefined): string =>
  value === undefined ? '-' : Number(value.toPrecision(5)).toString();
const cells = (net: Net): string =>
  `${net.pairs} | ${net.wins} | ${net.ties} | ${net.losses} | ${signed(net.net)} | ${interval(net)}`;

function words({ verdict, net }: AxisReport): string {
  if (verdict === 'sigma not measured') return 'not told apart: sigma is not measured (--calibrate)';
  if (verdict === 'on par') return 'on par';
  const better = net > 0 ? 'A' : 'B';
  return verdict === 'significant' ? `${better} significantly better` : `${better} moderately better`;
}

const [ROW, LEFT, HALF] = [30, 210, 200] as const;

/** Net win rates by axis as a picture: a bar to the side of the better one, and its interval. */
export function reportSvg(axes: readonly AxisReport[], names: readonly [a: string, b: string]): string {
  const voted = axes.filter(({ votes }) => votes > 0);
  const height = 40 + ROW * voted.length + 10;
  const middle = LEFT + HALF;
  const at = (net: number) => (middle + (HALF * net) / 100).toFixed(1);
  const rows = voted.map(({ axis, net, low, high }, k) => {
    const y = 40 + k * ROW;
    const from = Math.min(Number(at(net)), middle);
    const width = Math.abs(Number(at(net)) - middle).toFixed(1);
    return [
      `<text x="${LEFT - 10}" y="${y + 17}" text-anchor="end">${escaped(axis.title)}</text>`,
      `<rect x="${from}" y="${y + 4}" width="${width}" height="16"/>`,
      `<path d="M${at(low)} ${y + 12}H${at(high)}M${at(low)} ${y + 7}v10M${at(high)} ${y + 7}v10"/>`,
      `<text x="${middle + HALF + 10}" y="${y + 17}">${signed(net)}</text>`,
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${middle + HALF + 80} ${height}" role="img" aria-label="Net win rate of A over B by axis" font-family="sans-serif" font-size="13">`,
    '<style>rect{fill:#3b6fb6}text{fill:#333}path,line{stroke:#333;fill:none}@media(prefers-color-scheme:dark){rect{fill:#7fa8e0}text{fill:#ddd}path,line{stroke:#ddd}}</style>',
    `<text x="${LEFT}" y="22">B better: ${escaped(names[1])}</text>`,
    `<text x="${middle + HALF}" y="22" text-anchor="end">A better: ${escaped(names[0])}</text>`,
    `<line x1="${middle}" x2="${middle}" y1="30" y2="${height - 8}"/>`,
    ...rows,
    '</svg>\n',
  ].join('\n');
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
