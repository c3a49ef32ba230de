// The table of a judged list: how many videos are right, by rows and parts, and what other types of weights change. Not here:
// judging (judgeModel.ts).

import type { DTypePolicy } from '../../checkpoint/precision.ts';
import type { Run } from '../run.ts';
import type { Answer, Question, Questionnaire } from './questions.ts';

/** A question, and the judge's answer to its video. */
export interface Judged {
  readonly question: Question;
  readonly answer: Answer;
}

/** How many are right, of the videos whose prompt mentions the part. */
export interface Share {
  readonly right: number;
  readonly of: number;
}

/** The share of each part, by the names of the rows. */
export type Table = Readonly<Record<string, Readonly<Record<string, Share>>>>;

/** Counts the right answers. */
export function tableOf({ rows, parts }: Questionnaire, judged: readonly Judged[]): Table {
  const share = (title: string, part: string): Share => {
    const said = judged.filter(
      ({ question, answer }) => question.rows.includes(title) && answer.parts[part] !== undefined,
    );
    return { right: said.filter(({ answer }) => answer.parts[part] === true).length, of: said.length };
  };
  const rowOf = (title: string) => Object.fromEntries(parts.map((part) => [part, share(title, part)]));
  return Object.fromEntries(Object.entries(rows).map(([name, title]) => [name, rowOf(title)]));
}

/** Prints a line per video, then the table. */
export function say(run: Run, list: Questionnaire, judged: readonly Judged[], adapter: string): void {
  for (const { question, answer } of judged) {
    const told = answer.right ? '' : `  (${answer.words})`;
    run.say(`${question.name} ${answer.right ? 'right' : 'WRONG'}  ${question.prompt}${told}`);
  }
  run.say('');
  sayTable(run, list, tableOf(list, judged));
  run.say('');
  run.say(`adapter: ${adapter}, ${(performance.now() / 1000).toFixed(0)} s`);
}

/** How near videos are to other videos of the same prompts: over all of them, and for the worst one. */
export interface Nearness {
  /** In dB. */
  readonly psnr: { readonly all: number; readonly worst: number };
  readonly ssim: { readonly all: number; readonly worst: number };
}

/** Prints what another type of weights changes. */
export function sayCompared(
  run: Run,
  list: Questionnaire,
  dtype: DTypePolicy,
  table: Table,
  { psnr, ssim }: Nearness,
): void {
  run.say('');
  run.say(
    `${policyText(dtype)}: PSNR ${psnr.all.toFixed(2)} dB over all videos, ${psnr.worst.toFixed(2)} dB the worst; ` +
      `SSIM ${ssim.all.toFixed(4)}, ${ssim.worst.toFixed(4)} the worst`,
  );
  sayTable(run, list, table);
}

/** Types of weights, as `--dtype` takes them. */
export const policyText = (dtype: DTypePolicy = 'f32'): string =>
  typeof dtype === 'string'
    ? dtype
    : Object.entries(dtype)
        .map(([module, precision]) => `${module}=${precision}`)
        .join(',');

function sayTable(run: Run, { parts, rows }: Questionnaire, table: Table): void {
  const cell = ({ right, of }: Share) =>
    of === 0 ? '-' : `${right} of ${of} (${((100 * right) / of).toFixed(0)}%)`;
  run.say(`| prompts | ${parts.join(' | ')} |`);
  run.say(`|---|${parts.map(() => '---').join('|')}|`);
  for (const [name, title] of Object.entries(rows))
    run.say(`| ${title} | ${parts.map((part) => cell(table[name]![part]!)).join(' | ')} |`);
}
