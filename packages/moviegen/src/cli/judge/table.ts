// What a judged list says: how many are right, by rows and parts; and what other types of weights change.

import type { DTypePolicy } from '../../checkpoint/precision.ts';
import type { Run } from '../run.ts';
import type { Answer, JudgedWorld, Question } from './worlds.ts';

/** A video, and what the judge says of it. */
export interface Judged {
  readonly question: Question;
  readonly answer: Answer;
}

/** Right ones of those that are said. */
export interface Share {
  readonly right: number;
  readonly of: number;
}

/** Shares of each row, by part. */
export type Table = Readonly<Record<string, Readonly<Record<string, Share>>>>;

/** Counts right words. */
export function tableOf({ rows, parts }: JudgedWorld, judged: readonly Judged[]): Table {
  const share = (row: string, part: string): Share => {
    const said = judged.filter(
      ({ question, answer }) => question.rows.includes(row) && answer.parts[part] !== undefined,
    );
    return { right: said.filter(({ answer }) => answer.parts[part] === true).length, of: said.length };
  };
  const rowOf = (row: string) => Object.fromEntries(parts.map((part) => [part, share(row, part)]));
  return Object.fromEntries(rows.map((row) => [row, rowOf(row)]));
}

/** A table as data: shapes world has its rows at the top. */
export function tableRecord({ name }: JudgedWorld, table: Table): Record<string, unknown> {
  if (name === 'shapes') return { trained: table.trained, heldOut: table['held out'] };
  return { world: name, sets: table };
}

/** Prints each video and the table. */
export function say(run: Run, world: JudgedWorld, judged: readonly Judged[], adapter: string): void {
  for (const { question, answer } of judged) {
    const told = answer.right ? '' : `  (${answer.words})`;
    run.say(`${question.name} ${answer.right ? 'right' : 'WRONG'}  ${question.prompt}${told}`);
  }
  run.say('');
  sayTable(run, world, tableOf(world, judged));
  run.say('');
  run.say(`adapter: ${adapter}, ${(performance.now() / 1000).toFixed(0)} s`);
}

/** PSNR in dB of the same videos: of all, and of the worst one. */
export interface Difference {
  readonly all: number;
  readonly worst: number;
}

/** Prints what another type of weights changes. */
export function sayCompared(
  run: Run,
  world: JudgedWorld,
  dtype: DTypePolicy,
  table: Table,
  { all, worst }: Difference,
): void {
  run.say('');
  run.say(
    `${policyText(dtype)}: PSNR ${all.toFixed(2)} dB over all videos, ${worst.toFixed(2)} dB the worst`,
  );
  sayTable(run, world, table);
}

/** Types of weights, as `--dtype` takes them. */
export const policyText = (dtype: DTypePolicy = 'f32'): string =>
  typeof dtype === 'string'
    ? dtype
    : Object.entries(dtype)
        .map(([module, precision]) => `${module}=${precision}`)
        .join(',');

function sayTable(run: Run, { parts, rows }: JudgedWorld, table: Table): void {
  const cell = ({ right, of }: Share) =>
    of === 0 ? '-' : `${right} of ${of} (${((100 * right) / of).toFixed(0)}%)`;
  run.say(`| prompts | ${parts.join(' | ')} |`);
  run.say(`|---|${parts.map(() => '---').join('|')}|`);
  for (const row of rows)
    run.say(`| ${row} | ${parts.map((part) => cell(table[row]![part]!)).join(' | ')} |`);
}
