// Lists of prompts for comparisons: a line each, or the CSV of Movie Gen Video Bench (prompt, concept, motion_level), which is
// read from the user's own copy. Not here: files.

/** A prompt, and what is known of it. */
export interface ComparedPrompt {
  readonly prompt: string;
  /** A prompt may be of several concepts. */
  readonly concepts: readonly string[];
  /** How much motion it asks for: low, medium or high in the bench. */
  readonly motion?: string;
}

/**
 * The prompts of a file's text. Text whose first line names a column `prompt` is CSV; the columns `concept` (split at commas)
 * and `motion_level` are read where they are there.
 * @throws RangeError where the CSV is broken, or there is no prompt
 */
export function comparedPrompts(text: string): ComparedPrompt[] {
  const plain = text.replace(/^\uFEFF/, '');
  const header = plain
    .split(/\r\n|\n|\r/, 1)[0]!
    .split(',')
    .map((name) =>
      name
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .toLowerCase(),
    );
  const prompts =
    header.length > 1 && header.includes('prompt')
      ? ofTable(parseCsv(plain))
      : plain
          .split(/\r\n|\n|\r/)
          .filter((line) => line.trim() !== '')
          .map((line) => ({ prompt: line.trim(), concepts: [] }));
  if (prompts.length === 0) throw new RangeError('prompts: there is none');
  return prompts;
}

function ofTable([header = [], ...rows]: string[][]): ComparedPrompt[] {
  const names = header.map((name) => name.trim().toLowerCase());
  const [prompt, concept, motion] = ['prompt', 'concept', 'motion_level'].map((name) => names.indexOf(name));
  return rows.map((row, k) => {
    if (row.length !== names.length)
      throw new RangeError(`prompts: row ${k + 2} has ${row.length} columns, the header has ${names.length}`);
    const level = row[motion!]?.trim();
    return {
      prompt: row[prompt!]!.trim(),
      concepts: (row[concept!] ?? '')
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== ''),
      ...(level && { motion: level }),
    };
  });
}

/** The rows of a CSV (RFC 4180): quoted fields may hold commas, line ends and doubled quotes. Empty lines are passed over. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const fields = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;
  while (fields.lastIndex < text.length) {
    const at = fields.lastIndex;
    const found = fields.exec(text);
    if (found === null) {
      const line = text.slice(0, at).split('\n').length;
      throw new RangeError(
        `prompts: line ${line} of the CSV has a quote that is not closed, or one in the middle of a field`,
      );
    }
    const [, quoted, plain, end] = found;
    row.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (end === ',') {
      if (fields.lastIndex < text.length) continue;
      row.push('');
    }
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  }
  return rows;
}
