// Tokenizers against the original library's (Rust), and what each encoder sees of a prompt.

import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { byt5Ids, promptTexts, quotedText, Tokenizer, withoutQuoted } from '../src/index.ts';

const folder = new URL('../../moviegen/fixtures/tokenizer/', import.meta.url);
const json = async (name: string) => JSON.parse(await readFile(new URL(name, folder), 'utf8'));

interface Row {
  readonly text: string;
  readonly ids: readonly number[];
  /** Cut at `limit`. */
  readonly cut: readonly number[];
}

const { cases } = await json('fixture.json');
const LIMIT: number = cases[0].args.limit;

describe.each(['unigram', 'clip'])('%s', async (name) => {
  const tokenizer = new Tokenizer(await json(`${name}/tokenizer.json`));
  const rows: Row[] = await json(`${name}.json`);

  test.each(rows.map((row) => [JSON.stringify(row.text).slice(0, 60), row] as const))('%s', (_, row) => {
    expect(tokenizer.encode(row.text)).toEqual(row.ids);
    expect(tokenizer.encode(row.text, LIMIT)).toEqual(row.cut);
  });
});

test('the end tokens stay where a text is cut, however short', async () => {
  const unigram = new Tokenizer(await json('unigram/tokenizer.json'));
  const clip = new Tokenizer(await json('clip/tokenizer.json'));
  const [start, end] = clip.encode('');
  expect(unigram.encode('a red ball', 1)).toEqual([1]);
  expect(clip.encode('a red ball', 2)).toEqual([start, end]);
  expect(clip.encode('a red ball', 3)).toEqual([start, clip.encode('a')[1], end]);
  expect(() => clip.encode('a red ball', 1)).toThrow(
    'tokenizer: got a length of 1, expected at least the 2 added tokens',
  );
});

test('the size of a vocabulary, a list or a map, with the tokens that are added to it', async () => {
  const unigram = await json('unigram/tokenizer.json');
  const { vocab } = unigram.model;
  expect(new Tokenizer(unigram).size).toBe(vocab.length);
  const added = { ...unigram.added_tokens[0], id: vocab.length + 9, content: '<more>' };
  const more = { ...unigram, added_tokens: [...unigram.added_tokens, added] };
  expect(new Tokenizer(more).size).toBe(vocab.length + 10);
  const clip = new Tokenizer(await json('clip/tokenizer.json'));
  expect(clip.size).toBe(clip.encode('').at(-1)! + 1); // its end token is its last
});

test('what is not a tokenizer', () => {
  expect(() => new Tokenizer({})).toThrow('tokenizer: this is not a tokenizer.json');
  expect(() => new Tokenizer(null)).toThrow('tokenizer: this is not a tokenizer.json');
  expect(() => new Tokenizer({ model: { type: 'Nothing' } })).toThrow('cannot be used: ');
});

test('ByT5: bytes', async () => {
  for (const { text, ids, cut } of (await json('byt5.json')) as Row[]) {
    expect(byt5Ids(text)).toEqual(ids);
    expect(byt5Ids(text, LIMIT)).toEqual(cut);
  }
  expect(byt5Ids('abc', 1)).toEqual([1]);
});

interface PromptRow {
  readonly prompt: string;
  readonly fps: number;
  readonly strip_quoted: boolean;
  readonly prompt_text: string;
  readonly byt5_text: string | null;
}

test('what each encoder sees of a prompt', async () => {
  for (const row of (await json('prompts.json')) as PromptRow[]) {
    const { prompt, quoted } = promptTexts(row.prompt, { fps: row.fps, stripQuoted: row.strip_quoted });
    expect(prompt).toBe(row.prompt_text);
    expect(quoted).toBe(row.byt5_text ?? '');
    expect(quotedText(row.prompt)).toBe(row.byt5_text ?? '');
  }
  expect(promptTexts('', { fps: 16 })).toEqual({ prompt: '', quoted: '' });
  expect(withoutQuoted('the word "HI", and no more')).toBe('the word, and no more');
});
