// The peers' table for the terminal.
import Table from 'cli-table3';
import { milliseconds } from '../table.ts';
import type { Entry, Outcome } from './race.ts';

const time = ({ library, how, median, problem }: Entry): string =>
  `${library}, ${how}: ${median === undefined ? problem : milliseconds(median)}`;

/** One line per row: ours, every way of the peers, the ratio to the fastest correct one. */
export function peersTable(outcomes: readonly Outcome[], head: boolean): string {
  const table = new Table({
    head: head ? ['row', 'ours', 'peers', 'ratio', 'bound'] : [],
    colWidths: [30, 22, 62, 9, 15],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const { name, ours, peers, ratio, bound } of outcomes) {
    const met = ratio === undefined ? 'no peer' : ratio >= bound ? 'met' : 'not met';
    table.push([
      name,
      `${milliseconds(ours.median!)}\n${ours.how}`,
      peers.map(time).join('\n'),
      ratio === undefined ? '' : ratio.toFixed(2),
      `${bound}: ${met}`,
    ]);
  }
  return table.toString();
}
