// One row: every way is checked, then timed in turns with ours, so that whatever else the machine does affects all of
// them equally.
import type { Case, NDArray } from '@moviegen/kernels';
import { type Device, scope } from '@moviegen/tensor';
import {
  caseOperands,
  caseReference,
  compareArrays,
  prepareCase,
  uploadOperands,
} from '@moviegen/tensor/checks';
import { AFFORDABLE, type CaseRows, firstAndLastRows, narrowArray, referenceCost } from '../caseRows.ts';
import { poisoned } from '../check.ts';
import { percentile } from '../statistics.ts';
import { chosenVariant } from '../variant.ts';
import type { Peer, Way } from './peer.ts';
import type { Row } from './rows.ts';

/** Time of one way, or why there is none. */
export interface Entry {
  readonly library: string;
  readonly how: string;
  /** Milliseconds of a call; absent if the result is wrong or the call failed. */
  readonly median?: number;
  readonly p10?: number;
  readonly p90?: number;
  readonly samples?: number;
  /** max|a - b| / max|b| against the CPU reference. */
  readonly error?: number;
  readonly problem?: string;
}

/** A row's outcome. */
export interface Outcome {
  readonly name: string;
  readonly case: string;
  readonly bound: number;
  readonly ours: Entry;
  readonly peers: readonly Entry[];
  /** Median of the fastest correct peer, divided by ours; absent if no peer computes the row. */
  readonly ratio?: number;
  readonly fastest?: string;
}

/** How much to measure. */
export interface RaceOptions {
  readonly samples: number;
  /** Labels of our kernels dispatched since the last call. */
  readonly dispatched?: () => readonly string[];
  readonly onProgress?: (text: string) => void;
}

const BOUND = 1e-4; // the largest difference from the reference that a peer may have: it sums in another order
const LONG = 5000; // ms: a way that takes longer gets fewer samples
const FEW = 3;
const HOPELESS = 4; // a way this many times slower than the fastest is timed only a few times, or once if it is long
const BATCH = 20; // ms of calls between two waits, so that the cost of waiting is small beside them

type Operands = Readonly<Record<string, NDArray>>;
interface Racer {
  readonly way: Way;
  readonly library: string;
  readonly error: number;
  readonly times: number[];
}

/** Checks and times a row. @throws if our own result is wrong. */
export async function race(
  device: Device,
  peers: readonly Peer[],
  row: Row,
  { samples, dispatched, onProgress = () => undefined }: RaceOptions,
): Promise<Outcome> {
  const { item } = row;
  const operands = caseOperands(item);
  const mine = await ourWay(device, item, operands, dispatched);
  onProgress(`${row.name}: ours`);
  const expected = await mine.result();
  const share = AFFORDABLE / referenceCost(item);
  const held = firstAndLastRows(item, operands, expected.length, share, narrowArray) ?? [
    { operands, skip: 0, from: 0, count: expected.length },
  ];
  const references = held.map((rows) => caseReference(item, rows.operands).data);
  const error = reference(held, references, expected);
  if (!(error <= item.tolerance.f32)) throw new Error(`${row.name}: our result is wrong by ${error}`);

  const racers: Racer[] = [{ way: mine, library: 'moviegen', error, times: [] }];
  const out: Entry[] = [];
  for (const peer of peers) {
    for (const make of peer.ways(item, operands)) {
      let way: Way | undefined;
      let problem: string;
      try {
        way = await make();
        onProgress(`${row.name}: ${peer.name} ${way.how}`);
        const result = await way.result();
        const whole = result.length === expected.length ? compareArrays(result, expected).error : Number.NaN;
        const off = Math.max(whole, reference(held, references, result));
        if (off <= BOUND) {
          racers.push({ way, library: peer.name, error: off, times: [] });
          continue;
        }
        problem = `wrong by ${off.toExponential(1)}`;
      } catch (thrown) {
        problem = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0]!;
      }
      out.push({ library: peer.name, how: way?.how ?? '', problem });
      way?.dispose();
    }
  }
  await take(racers, samples, (text) => onProgress(`${row.name}: ${text}`));
  const [ours, ...rest] = racers.map(entry);
  for (const { way } of racers) way.dispose();
  const fastest = rest.reduce<Entry | undefined>(
    (best, other) => (!best || other.median! < best.median! ? other : best),
    undefined,
  );
  return {
    name: row.name,
    case: `${item.op} ${item.name}`,
    bound: row.bound,
    ours: ours!,
    peers: [...rest, ...out],
    ...(fastest && {
      ratio: fastest.median! / ours!.median!,
      fastest: `${fastest.library}: ${fastest.how}`,
    }),
  };
}

/** Times all ways in turns. */
async function take(racers: readonly Racer[], samples: number, say: (text: string) => void): Promise<void> {
  const timed = async ({ way }: Racer, calls: number): Promise<number> => {
    const begin = performance.now();
    for (let k = 0; k < calls; k++) await way.run();
    await way.settle();
    return (performance.now() - begin) / calls;
  };
  const singles: number[] = [];
  for (const racer of racers) {
    say(`once: ${racer.library} ${racer.way.how}`);
    singles.push(await timed(racer, 1));
  }
  const first = Math.min(...singles);
  const hopeless = (k: number) => k > 0 && singles[k]! > LONG && singles[k]! > HOPELESS * first;
  for (const [k, { times }] of racers.entries()) if (hopeless(k)) times.push(singles[k]!);
  const calls = Math.max(1, Math.min(32, Math.ceil(BATCH / first)));
  for (let turn = 0; turn < samples; turn++) {
    const medians = racers.map(({ times }) => percentile(times, 0.5));
    const best = Math.min(...medians);
    say(`${turn} of ${samples}`);
    // The order rotates, so that no way always runs after the same other way.
    for (let k = 0; k < racers.length; k++) {
      const at = (k + turn) % racers.length;
      const racer = racers[at]!;
      if (hopeless(at)) continue;
      const slow = medians[at]! > LONG || (medians[at]! > HOPELESS * best && at > 0);
      if (turn >= FEW && slow) continue;
      racer.times.push(await timed(racer, calls));
    }
  }
}

const entry = ({ way, library, error, times }: Racer): Entry => ({
  library,
  how: way.how,
  median: percentile(times, 0.5),
  p10: percentile(times, 0.1),
  p90: percentile(times, 0.9),
  samples: times.length,
  error,
});

/** The largest difference from the reference, over the rows that it has computed. */
function reference(
  held: readonly CaseRows<NDArray>[],
  expected: readonly ArrayLike<number>[],
  result: ArrayLike<number>,
): number {
  const errors = held.map(({ skip, from, count }, k) => {
    const right = Array.prototype.slice.call(expected[k]!, skip, skip + count);
    return compareArrays(Array.prototype.slice.call(result, from, from + count), right).error;
  });
  return Math.max(...errors);
}

/** Our own op as one of the ways; its checked result is computed into memory full of NaN. */
async function ourWay(
  device: Device,
  item: Case,
  operands: Operands,
  dispatched: RaceOptions['dispatched'],
): Promise<Way> {
  const call = prepareCase(device, item, uploadOperands(device, operands));
  const variant = await chosenVariant(device, item, 'f32', call, dispatched);
  const run = () => {
    scope(device, () => {
      call();
    });
  };
  return {
    how: variant ?? 'the only variant',
    run,
    settle: () => device.sync(),
    async result() {
      const result = poisoned(device, call);
      const data = (await result.read()) as Float32Array;
      result.dispose();
      return data;
    },
    dispose: () => undefined,
  };
}
