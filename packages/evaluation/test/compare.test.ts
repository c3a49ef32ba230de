// Comparison of two models: prompts, the order of questions, votes that survive, and reports against a computation by hand.

import {
  AXES,
  axesOf,
  comparedPrompts,
  cosine,
  frameConsistency,
  latentFeatures,
  netOf,
  pairedAxis,
  reportOf,
  reportSvg,
  reportText,
  type Vote,
  type VoteLine,
  Votes,
  verdictsOf,
} from '@moviegen/evaluation';
import { describe, expect, test } from 'vitest';

describe('prompts', () => {
  test('of a text, a line each', () => {
    expect(comparedPrompts('\uFEFFa dog, running\r\n\n  a cat \n')).toEqual([
      { prompt: 'a dog, running', concepts: [] },
      { prompt: 'a cat', concepts: [] },
    ]);
  });

  test('of the CSV of Movie Gen Video Bench: several concepts, quotes, line ends in a field', () => {
    const csv =
      'prompt,concept,motion_level\r\n"A cat, said ""Tom""","animal, scene",low\nplain,human activity,high\n"two\nlines",,\n';
    expect(comparedPrompts(csv)).toEqual([
      { prompt: 'A cat, said "Tom"', concepts: ['animal', 'scene'], motion: 'low' },
      { prompt: 'plain', concepts: ['human activity'], motion: 'high' },
      { prompt: 'two\nlines', concepts: [] },
    ]);
  });

  test('that are broken are refused in one line', () => {
    expect(() => comparedPrompts(' \n')).toThrow('prompts: there is none');
    expect(() => comparedPrompts('prompt,concept\na,b,c')).toThrow('row 2 has 3 columns, the header has 2');
    expect(() => comparedPrompts('prompt,concept\n"a,b')).toThrow(
      'line 2 of the CSV has a quote that is not closed',
    );
  });
});

const PROMPTS = ['one', 'two', 'three', 'four'];
const line = (
  rater: string,
  pair: number,
  choice: VoteLine['choice'],
  more: Partial<VoteLine> = {},
): VoteLine => ({
  rater,
  axis: 'overall',
  pair,
  round: 0,
  prompt: PROMPTS[pair]!,
  ...(choice && { choice }),
  time: '',
  ...more,
});

describe('votes', () => {
  const axes = axesOf(['overall', 'realness']);

  test('questions: every pair once per axis, one axis after the other, in the rater’s own order', () => {
    const votes = new Votes(PROMPTS, axes);
    const questions = votes.questionsOf('Ada');
    expect(questions.map(({ axis }) => axis)).toEqual([
      ...Array(4).fill('overall'),
      ...Array(4).fill('realness'),
    ]);
    expect(
      questions
        .slice(0, 4)
        .map(({ pair }) => pair)
        .sort(),
    ).toEqual([0, 1, 2, 3]);
    expect(new Votes(PROMPTS, axes).questionsOf('Ada')).toEqual(questions);
    const many = new Votes(
      Array.from({ length: 40 }, (_, k) => String(k)),
      axes,
    );
    const orders = ['Ada', 'Ben'].map((rater) =>
      many
        .questionsOf(rater)
        .map(({ pair }) => pair)
        .join(),
    );
    expect(orders[0]).not.toBe(orders[1]);
    const sides = many.questionsOf('Ada').map((question) => many.leftOf(question));
    expect(sides.filter((side) => side === 'A').length).toBeGreaterThan(20);
    expect(sides.filter((side) => side === 'B').length).toBeGreaterThan(20);
    const twice = new Votes(PROMPTS, axes, { rounds: 2 });
    expect(twice.progress('Ada')).toEqual({ done: 0, total: 16 });
  });

  test('go on where they were, take the last one back, pass over what is torn or of other prompts', () => {
    const votes = new Votes(PROMPTS, axes);
    const [first, second] = votes.questionsOf('Ada');
    const lines = [
      line('Ada', first!.pair, 'A'),
      line('Ada', second!.pair, 'B'),
      line('Ada', second!.pair, undefined, { undo: true }),
      { ...line('Ada', 3, 'A'), prompt: 'another' },
      { ...line('Ada', 3, 'A'), choice: 'C' },
      { ...line('Ada', 3, 'A'), pair: 1.5 },
      7,
    ];
    const text = `${lines.map((one) => JSON.stringify(one)).join('\n')}\n{"rater":"Ada","ax`;
    expect(votes.read(text)).toBe(5);
    expect(votes.next('Ada')).toEqual(second);
    expect(votes.lastOf('Ada')).toEqual({ ...first, choice: 'A' });
    expect(votes.progress('Ada')).toEqual({ done: 1, total: 8 });
    expect(votes.next('Ben')).toEqual(votes.questionsOf('Ben')[0]);
  });
});

const vote = (rater: string, pair: number, choice: Vote['choice'], round = 0): Vote => ({
  rater,
  axis: 'overall',
  pair,
  round,
  choice,
});
const COMPARED = [
  { prompt: 'one', concepts: ['animal'], motion: 'low' },
  { prompt: 'two', concepts: ['animal', 'scene'], motion: 'high' },
  { prompt: 'three', concepts: ['scene'], motion: 'high' },
  { prompt: 'four', concepts: [], motion: 'low' },
];

describe('report', () => {
  // Pair 0: A A B -> A; 1: A tie B -> tie; 2: B B tie -> B; 3: A A tie -> A.
  const choices = {
    Ada: ['A', 'A', 'B', 'A'],
    Ben: ['A', 'tie', 'B', 'A'],
    Cem: ['B', 'B', 'tie', 'tie'],
  } as const;
  const votes = Object.entries(choices).flatMap(([rater, own]) =>
    own.map((choice, pair) => vote(rater, pair, choice)),
  );
  const [overall] = reportOf(COMPARED, votes, axesOf(['overall']));

  test('majority, net win rate by concept and motion level', () => {
    expect(overall).toMatchObject({ pairs: 4, wins: 2, losses: 1, ties: 1, net: 25, votes: 12, short: 0 });
    expect(overall!.raters).toEqual(['Ada', 'Ben', 'Cem']);
    expect(overall!.byConcept.animal).toMatchObject({ pairs: 2, wins: 1, losses: 0, ties: 1, net: 50 });
    expect(overall!.byConcept.scene).toMatchObject({ pairs: 2, net: -50 });
    expect(overall!.byMotion.low).toMatchObject({ pairs: 2, net: 100 });
    expect(overall!.byMotion.high).toMatchObject({ pairs: 2, net: -50 });
    expect(overall!.verdict).toBe('sigma not measured');
  });

  test('two raters who differ give a tie', () => {
    expect(
      verdictsOf([vote('Ada', 0, 'A'), vote('Ben', 0, 'B'), vote('Ada', 1, 'B'), vote('Ben', 1, 'B')]),
    ).toEqual(
      new Map([
        [0, 'tie'],
        [1, 'B'],
      ]),
    );
  });

  test('agreement: of the three pairs of raters of each pair of videos, those that chose alike', () => {
    // Pair 0: Ada = Ben; 1: none; 2: Ada = Ben; 3: Ada = Ben: 3 of 12.
    expect(overall!.agreement).toBeCloseTo(3 / 12, 12);
  });

  test('realness asks for six raters', () => {
    const [realness] = reportOf(
      COMPARED,
      votes.map((one) => ({ ...one, axis: 'realness' })),
      axesOf(['realness']),
    );
    expect([realness!.axis.raters, realness!.short]).toEqual([6, 4]);
    expect(AXES.filter(({ raters }) => raters === 6).map(({ id }) => id)).toEqual(['realness', 'aesthetics']);
  });

  test('the bootstrap’s interval is the one of sampling', () => {
    // 60 wins and 40 losses of 100: the net's deviation is 100 sqrt(1 - 0.2^2) / 10 = 9.8, so 95% is 20 +- 19.2.
    const verdicts = new Map(
      Array.from({ length: 100 }, (_, pair) => [pair, pair < 60 ? 'A' : 'B'] as const),
    );
    const { net, low, high } = netOf(verdicts, 1);
    expect(net).toBe(20);
    expect(Math.abs(low - (20 - 19.2))).toBeLessThan(2);
    expect(Math.abs(high - (20 + 19.2))).toBeLessThan(2);
    expect(netOf(verdicts, 1)).toEqual(netOf(verdicts, 1));
  });

  test('sigma is the spread between rounds: significant only beyond two of it', () => {
    const second = ['A', 'A', 'B', 'tie'] as const;
    const again = second.map((choice, pair) => vote('Ada', pair, choice, 1));
    const first = choices.Ada.map((choice, pair) => vote('Ada', pair, choice));
    // Ada's nets: 75 - 25 = 50, then 50 - 25 = 25: the deviation of two numbers 25 apart is 25 / sqrt 2 = 17.7.
    const [report] = reportOf(COMPARED, [...first, ...again], axesOf(['overall']));
    expect(report!.sigma).toBeCloseTo(25 / Math.SQRT2, 10);
    expect([report!.net, report!.verdict, report!.repeated]).toEqual([50, 'significant', 0.75]);
    // Who votes only once does not change the spread.
    const more = [...first, ...again, vote('Ben', 0, 'B'), vote('Ben', 1, 'B')];
    expect(reportOf(COMPARED, more, axesOf(['overall']))[0]!.sigma).toBeCloseTo(25 / Math.SQRT2, 10);
    const [other] = reportOf(
      COMPARED,
      [...first.slice(0, 3), vote('Ada', 3, 'tie'), ...again],
      axesOf(['overall']),
    );
    expect([other!.net, other!.sigma, other!.verdict]).toEqual([25, 0, 'significant']);
  });

  test('as tables and as a picture; what the paper found is said', () => {
    const automatic = [
      pairedAxis(
        'SSIM',
        'higher',
        [
          [0.75, 0.5],
          [0.5, 0.5],
          [0.25, 0.5],
        ],
        'a note',
      ),
    ];
    expect(automatic[0]).toMatchObject({ a: 0.5, b: 0.5, net: { wins: 1, losses: 1, ties: 1, net: 0 } });
    const text = reportText([overall!], automatic, ['x', 'y<']);
    expect(text).toContain('| Quality: overall | 4 | 2 | 1 | 1 | +25.00 |');
    expect(text).toContain('| Quality: overall | scene | 2 | 0 | 1 | 1 | -50.00 |');
    expect(text).toContain('| Quality: overall | 3 | 12 | 3 | 0 | 25.0% | - |');
    expect(text).toContain('SSIM: a note.');
    expect(reportSvg([overall!], ['x', 'y<'])).toContain('B better: y&#60;');
    expect(reportText([], [], ['x', 'y'])).toContain('There are no votes.');
  });
});

test('cosines of frames', () => {
  expect(cosine([3, 4], [4, 3])).toBeCloseTo(24 / 25, 12);
  expect(
    frameConsistency([
      [1, 0],
      [1, 0],
      [0, 1],
    ]),
  ).toBeCloseTo(0.5, 12);
  expect(frameConsistency([[1, 0]])).toBe(1);
});

test('features of latents: means, then deviations, by channel', () => {
  expect([...latentFeatures([1, 3, 5, 5], [2, 1, 1, 2])]).toEqual([2, 5, 1, 0]);
});
