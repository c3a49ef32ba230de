// Prompts as diffusers cleans them and as the original library (Rust) tokenizes them: Wan's fixtures, and hard texts. Their answers,
// cleaning.json, are made by reference/text_cleaning.py.

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { unescapeHtml } from '../src/clean/htmlEntities.ts';
import { cleanPrompt, droppedNote, Tokenizer, tokenizePrompt } from '../src/index.ts';

const json = async (name: string) => JSON.parse(await readFile(new URL(name, import.meta.url), 'utf8'));
const wan = '../../wan/fixtures/t2v';
const file = await json(`${wan}/tokenizer/tokenizer.json`);
const tokenizer = new Tokenizer(file, await json(`${wan}/tokenizer/tokenizer_config.json`));

interface Row {
  readonly text: string;
  readonly cleaned: string;
  readonly ids: readonly number[];
}
interface HardRow extends Row {
  readonly unescaped: string;
  /** Ids of the text as it is. */
  readonly uncleaned: readonly number[];
}
const named = <T extends Row>(rows: readonly T[]) =>
  rows.map((row) => [JSON.stringify(row.text).slice(0, 50), row] as const);
const { cases }: { cases: Row[] } = await json(`${wan}/expected/tokens.json`);
/** ftfy repairs it, we do not. */
const mojibake = cases.filter(({ text }) => text.includes('Ã'));

test.each(named(cases.filter((row) => !mojibake.includes(row))))("Wan's fixtures: %s", (_, row) => {
  expect(cleanPrompt(row.text)).toBe(row.cleaned);
  expect(tokenizePrompt(tokenizer, row.text).ids).toEqual(row.ids);
});

test('mojibake stays', () => {
  expect(mojibake).toHaveLength(1);
  expect(cleanPrompt('Ã©tÃ©')).toBe('Ã©tÃ©');
});

test.each(named<HardRow>(await json('cleaning.json')))('hard texts: %s', (_, row) => {
  expect(unescapeHtml(row.text)).toBe(row.unescaped);
  expect(cleanPrompt(row.text)).toBe(row.cleaned);
  expect(tokenizePrompt(tokenizer, row.text).ids).toEqual(row.ids);
  expect(tokenizer.encode(row.text, 512)).toEqual(row.uncleaned);
});

test('what is dropped of a long prompt', () => {
  const long = tokenizePrompt(tokenizer, 'a red cat, '.repeat(200));
  expect(long.ids).toHaveLength(512);
  expect(long.ids.at(-1)).toBe(1);
  expect(droppedNote('the prompt', 'umT5', long.tokens, long.ids.length)).toBe(
    `the prompt: umT5 reads 512 tokens: it dropped ${long.tokens - 512} of ${long.tokens}`,
  );
  const short = tokenizePrompt(tokenizer, 'a cat');
  expect(short.tokens).toBe(short.ids.length);
  const cut = tokenizePrompt(tokenizer, 'a cat', 3);
  expect([...cut.ids]).toEqual([...short.ids.slice(0, 2), 1]);
  expect(cut.tokens).toBe(short.tokens);
});

test('without byte fallback, or without all bytes, the unknown token', () => {
  const without = new Tokenizer({ ...file, model: { ...file.model, byte_fallback: false } });
  expect(without.encode('☃☃')).toEqual([260, 3, 1]);
  const vocab = file.model.vocab.map(([piece, score]: [string, number]) => [
    piece === '<0x83>' ? 'none' : piece,
    score,
  ]);
  const lacking = new Tokenizer({ ...file, model: { ...file.model, vocab } });
  expect(lacking.encode('☃☃')).toEqual([260, 3, 1]); // ☃ is E2 98 83
});
