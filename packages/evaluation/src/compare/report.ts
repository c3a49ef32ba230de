// What votes say: net win rates with their intervals, by axis, concept and motion level, and how far raters agree.
//
// - Net win rate [paper]: wins% - losses% of A, in [-100, 100]; ties count in neither.
// - A pair's verdict is its raters' majority, of 3 or 6 raters by the axis; where no choice has the most votes it is a tie.
// - The interval is the bootstrap's over prompts, 95%.
// - Significant is what lies beyond two sigma, moderate beyond one, else both are on par [paper]; sigma is the spread of the net win
//   rate when the same raters vote again, and is only known where they did.

import type { Axis } from './axes.ts';
import type { ComparedPrompt } from './prompts.ts';
import type { Choice, Vote } from './votes.ts';

/** Wins and losses of A over some pairs. */
export interface Net {
  readonly pairs: number;
  readonly wins: number;
  readonly losses: number;
  readonly ties: number;
  /** wins% - losses%. */
  readonly net: number;
  /** 95% bootstrap over prompts. */
  readonly low: number;
  readonly high: number;
}

/** An axis of the report. */
export interface AxisReport extends Net {
  readonly axis: Axis;
  readonly votes: number;
  readonly raters: readonly string[];
  /** Pairs that fewer raters have judged than the axis asks for. */
  readonly short: number;
  readonly byConcept: Readonly<Record<string, Net>>;
  readonly byMotion: Readonly<Record<string, Net>>;
  /** The share of pairs of raters of one pair that chose alike; undefined where none was judged twice. */
  readonly agreement?: number;
  /** The share of votes that a rater repeated when asked again. */
  readonly repeated?: number;
  /** Spread of the net win rate between rounds; undefined where there was one round. */
  readonly sigma?: number;
  readonly verdict: 'significant' | 'moderate' | 'on par' | 'sigma not measured';
}

/** Resamples of the bootstrap. */
const RESAMPLES = 2000;

/** Reports votes, per axis. */
export function reportOf(
  prompts: readonly ComparedPrompt[],
  votes: readonly Vote[],
  axes: readonly Axis[],
  seed = 0,
): AxisReport[] {
  return axes.map((axis) => {
    const own = votes.filter((vote) => vote.axis === axis.id && prompts[vote.pair] !== undefined);
    const first = own.filter(({ round }) => round === 0);
    const verdicts = verdictsOf(first);
    const some = (is: (prompt: ComparedPrompt) => boolean): Net =>
      netOf(new Map([...verdicts].filter(([pair]) => is(prompts[pair]!))), seed);
    const groups = (names: readonly string[], is: (prompt: ComparedPrompt, name: string) => boolean) =>
      Object.fromEntries([...new Set(names)].map((name) => [name, some((prompt) => is(prompt, name))]));
    const judged = [...verdicts.keys()].map((pair) => prompts[pair]!);
    const counts = countBy(first, ({ pair }) => pair);
    const net = netOf(verdicts, seed);
    const sigma = spreadOf(own);
    const agreement = agreementOf(first);
    const repeated = repeatedOf(own);
    return {
      axis,
      ...net,
      votes: own.length,
      raters: [...new Set(own.map(({ rater }) => rater))],
      short: [...counts.values()].filter((count) => count < axis.raters).length,
      byConcept: groups(
        judged.flatMap(({ concepts }) => concepts),
        ({ concepts }, name) => concepts.includes(name),
      ),
      byMotion: groups(
        judged.flatMap(({ motion }) => motion ?? []),
        ({ motion }, name) => motion === name,
      ),
      ...(agreement !== undefined && { agreement }),
      ...(repeated !== undefined && { repeated }),
      ...(sigma !== undefined && { sigma }),
      verdict: sigma === undefined ? 'sigma not measured' : verdictOf(net.net, sigma),
    };
  });
}

function verdictOf(net: number, sigma: number): AxisReport['verdict'] {
  if (Math.abs(net) > 2 * sigma) return 'significant';
  return Math.abs(net) > sigma ? 'moderate' : 'on par';
}

/** The majority's choice per pair. */
export function verdictsOf(votes: readonly Vote[]): Map<number, Choice> {
  const pairs = new Map<number, Record<Choice, number>>();
  for (const { pair, choice } of votes) {
    const counts = pairs.get(pair) ?? { A: 0, tie: 0, B: 0 };
    counts[choice]++;
    pairs.set(pair, counts);
  }
  return new Map(
    [...pairs].map(([pair, { A, tie, B }]) => {
      if (A > B && A > tie) return [pair, 'A'];
      return [pair, B > A && B > tie ? 'B' : 'tie'];
    }),
  );
}

/** The net win rate of A. */
export function netOf(verdicts: ReadonlyMap<number, Choice>, seed = 0): Net {
  const values = [...verdicts.values()].map(
    (choice) => (choice === 'A' ? 1 : choice === 'B' ? -1 : 0) as number,
  );
  const pairs = values.length;
  const wins = values.filter((value) => value > 0).length;
  const losses = values.filter((value) => value < 0).length;
  if (pairs === 0) return { pairs, wins, losses, ties: 0, net: 0, low: 0, high: 0 };
  const random = mulberry32(seed);
  const nets = Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let k = 0; k < pairs; k++) sum += values[Math.floor(random() * pairs)]!;
    return (100 * sum) / pairs;
  }).sort((a, b) => a - b);
  const [low, high] = [nets[Math.floor(0.025 * RESAMPLES)]!, nets[Math.ceil(0.975 * RESAMPLES) - 1]!];
  return {
    pairs,
    wins,
    losses,
    ties: pairs - wins - losses,
    net: (100 * (wins - losses)) / pairs,
    low,
    high,
  };
}

/** A small generator of numbers from 0 to below 1: resampling takes millions of them. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The standard deviation of the net win rate over rounds, by the votes that a rater gave in each of them. */
function spreadOf(votes: readonly Vote[]): number | undefined {
  const rounds = [...new Set(votes.map(({ round }) => round))];
  const given = countBy(votes, ({ rater, pair }) => JSON.stringify([rater, pair]));
  const repeated = votes.filter(
    ({ rater, pair }) => given.get(JSON.stringify([rater, pair])) === rounds.length,
  );
  if (rounds.length < 2 || repeated.length === 0) return undefined;
  const nets = rounds.map((round) => {
    const choices = [...verdictsOf(repeated.filter((vote) => vote.round === round)).values()];
    const [a, b] = ['A', 'B'].map((side) => choices.filter((choice) => choice === side).length);
    return (100 * (a! - b!)) / choices.length;
  });
  const mean = nets.reduce((sum, net) => sum + net, 0) / nets.length;
  return Math.sqrt(nets.reduce((sum, net) => sum + (net - mean) ** 2, 0) / (nets.length - 1));
}

/** Over all pairs of raters of one pair of videos: how many chose alike. */
function agreementOf(votes: readonly Vote[]): number | undefined {
  let [alike, all] = [0, 0];
  for (const [i, a] of votes.entries())
    for (const b of votes.slice(i + 1)) {
      if (a.pair !== b.pair || a.rater === b.rater) continue;
      all++;
      if (a.choice === b.choice) alike++;
    }
  return all === 0 ? undefined : alike / all;
}

/** Of votes that were asked for again, how many were the same. */
function repeatedOf(votes: readonly Vote[]): number | undefined {
  const again = votes.filter(({ round }) => round > 0);
  const before = ({ rater, pair }: Vote) =>
    votes.find((vote) => vote.round === 0 && vote.rater === rater && vote.pair === pair);
  const both = again.filter((vote) => before(vote) !== undefined);
  return both.length === 0
    ? undefined
    : both.filter((vote) => before(vote)!.choice === vote.choice).length / both.length;
}

function countBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, number> {
  const counts = new Map<K, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
