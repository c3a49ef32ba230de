// The questions of `moviegen judge`: the list of prompts, and the table of right answers.

import { draw, parsePrompt } from '@moviegen/evaluation';
import { expect, test } from 'vitest';
import { type Answer, type Question, shapesQuestions } from '../src/cli/judge/questions.ts';
import { type Judged, tableOf } from '../src/cli/judge/table.ts';

test('shapes world: 96 prompts with their own seeds, half of them held out', () => {
  const { questions, rows } = shapesQuestions(1);
  expect(questions).toHaveLength(96);
  expect(questions.map(({ seed }) => seed)).toEqual([...questions.keys()]);
  expect(Object.values(rows).map((row) => questions.filter((one) => one.rows.includes(row)).length)).toEqual([
    48, 48,
  ]);
  expect(shapesQuestions(24).questions.map(({ name }) => name)).toEqual(['00', '24', '48', '72']);
});

test('judges a true clip right, and an empty one wrong', () => {
  const question = shapesQuestions(1).questions[16]!;
  const clip = draw(parsePrompt(question.prompt));
  expect(question.judge(clip), question.prompt).toMatchObject({ right: true, parts: { right: true } });
  const empty = { ...clip, data: new Uint8Array(clip.data.length).fill(16) };
  const answer = question.judge(empty);
  expect(answer.right).toBe(false);
  expect(answer.words).toContain('black');
});

test('a table counts the right ones of those that are said', () => {
  const answer = (right: boolean, fps: boolean | undefined): Answer => ({
    right,
    parts: { right, fps },
    words: '',
    record: {},
  });
  const question = (rows: string[]): Question => ({
    name: '',
    prompt: '',
    seed: 0,
    rows,
    judge: () => answer(true, true),
  });
  const list = { parts: ['right', 'fps'], rows: { two: 'of two', word: 'words' }, questions: [] };
  const judged: Judged[] = [
    { question: question(['of two']), answer: answer(true, undefined) },
    { question: question(['of two']), answer: answer(false, true) },
    { question: question(['words', 'other']), answer: answer(true, false) },
  ];
  expect(tableOf(list, judged)).toEqual({
    two: { right: { right: 1, of: 2 }, fps: { right: 1, of: 1 } },
    word: { right: { right: 1, of: 1 }, fps: { right: 0, of: 1 } },
  });
  const { trained } = tableOf({ ...list, rows: shapesQuestions(1).rows }, judged);
  expect(trained).toEqual({ right: { right: 0, of: 0 }, fps: { right: 0, of: 0 } });
});

test('refuses a share of the list that makes no sense', () => {
  expect(() => shapesQuestions(0)).toThrow('judge: every must be an integer of at least 1, got 0');
});
