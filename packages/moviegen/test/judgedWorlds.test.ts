// What `moviegen judge` asks of a checkpoint: the lists of both worlds, and the table of what is right.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Judged, tableOf, tableRecord } from '../src/cli/judge/table.ts';
import { type Answer, type Question, worldOf } from '../src/cli/judge/worlds.ts';
import { parseModelIndex } from '../src/families/movieGen/modelIndex.ts';
import { parsePrompt } from '../src/shapesWorld/wordings.ts';
import { draw } from '../src/shapesWorld/world.ts';

test('a checkpoint’s index names its world, or none', () => {
  expect(parseModelIndex({}).world).toBeUndefined();
  expect(parseModelIndex({ world: 'scenes' }).world).toBe('scenes');
  expect(() => parseModelIndex({ world: 3 })).toThrow('world: got 3, expected a text');
  const exporting = readFileSync(new URL('../../../reference/export_scenes.py', import.meta.url), 'utf8');
  expect(exporting).toContain('{"world": "scenes"}');
});

test('shapes world: 96 prompts with their own seeds, at the model’s own size', () => {
  const { questions, rows } = worldOf('shapes', 1);
  expect(questions).toHaveLength(96);
  expect(questions.map(({ seed }) => seed)).toEqual([...questions.keys()]);
  expect(rows.map((row) => questions.filter((one) => one.rows.includes(row)).length)).toEqual([48, 48]);
  expect(questions.every(({ sampling }) => Object.keys(sampling).length === 0)).toBe(true);
  expect(worldOf('shapes', 24).questions.map(({ name }) => name)).toEqual(['00', '24', '48', '72']);
});

test('scene world: six sets of 96 prompts, two seeds each, words by their length too', () => {
  const { questions, rows } = worldOf('scenes', 1);
  expect(questions).toHaveLength(6 * 96 * 2);
  expect(new Set(questions.map(({ name }) => name)).size).toBe(questions.length);
  const counts = Object.fromEntries(
    rows.map((row) => [row, questions.filter((one) => one.rows.includes(row)).length]),
  );
  const words = (end: string) => counts[`1 to 2 letters${end}`]! + counts[`3 to 4 letters${end}`]!;
  expect([words(''), words(', held out')]).toEqual([192, 192]);
  for (const row of ['triple', 'triple, held out', 'two', 'word', 'word, held out', 'camera'])
    expect(counts[row], row).toBe(192);
  expect(questions[5]).toMatchObject({ name: 'triple-005', seed: 5 });
  expect(questions[5]!.prompt).toBe(questions[4]!.prompt);
  expect(new Set(questions.map(({ sampling }) => JSON.stringify(sampling)))).toEqual(
    new Set([16, 8, 24].map((fps) => JSON.stringify({ width: 64, height: 64, numFrames: 16, fps }))),
  );
});

test('both judge a true clip of their common world right, and an empty one wrong', () => {
  for (const name of ['shapes', 'scenes']) {
    const question = worldOf(name, 1).questions.at(name === 'shapes' ? 16 : 2)!;
    const clip = draw(parsePrompt(question.prompt));
    expect(question.judge(clip), question.prompt).toMatchObject({ right: true, parts: { right: true } });
    const empty = { ...clip, data: new Uint8Array(clip.data.length).fill(16) };
    const answer = question.judge(empty);
    expect(answer.right).toBe(false);
    expect(answer.words).toContain('black');
  }
});

test('a table counts the right ones of those that are said', () => {
  const question = (rows: string[]): Question => ({
    ...{ name: '', prompt: '', seed: 0, rows, sampling: {} },
    judge: () => answer(true, true),
  });
  const answer = (right: boolean, fps: boolean | undefined): Answer => ({
    ...{ right, parts: { right, fps }, words: '', record: {} },
  });
  const world = { name: 'scenes', parts: ['right', 'fps'], rows: ['two', 'word'], questions: [] } as const;
  const judged: Judged[] = [
    { question: question(['two']), answer: answer(true, undefined) },
    { question: question(['two']), answer: answer(false, true) },
    { question: question(['word', 'other']), answer: answer(true, false) },
  ];
  const table = tableOf(world, judged);
  expect(table).toEqual({
    two: { right: { right: 1, of: 2 }, fps: { right: 1, of: 1 } },
    word: { right: { right: 1, of: 1 }, fps: { right: 0, of: 1 } },
  });
  expect(tableRecord(world, table)).toEqual({ world: 'scenes', sets: table });
  const shapes = { ...world, name: 'shapes', rows: ['trained', 'held out'] } as const;
  const { trained } = tableRecord(shapes, tableOf(shapes, judged));
  expect(trained).toEqual({ right: { right: 0, of: 0 }, fps: { right: 0, of: 0 } });
});

test('refuses a world that nobody knows', () => {
  expect(() => worldOf('oceans', 1)).toThrow(
    'judge: this checkpoint’s world is "oceans", expected one of shapes, scenes; --world chooses',
  );
  expect(() => worldOf('shapes', 0)).toThrow('judge: every must be an integer of at least 1, got 0');
});
