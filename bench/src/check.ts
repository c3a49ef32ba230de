// Before a case is timed, its result is checked: against the CPU reference, all of it or some rows, or else against the
// simplest variant of its kernel. Outputs are filled with NaN first, so that elements that a kernel never writes are
// seen.
import { type Case, type NDArray, sizeOf } from '@moviegen/kernels';
import { type Device, scopeAsync, slice, Tensor } from '@moviegen/tensor';
import {
  type CaseRun,
  caseReference,
  caseTolerance,
  caseVariants,
  compareArrays,
  prepareCase,
  uploadOperands,
} from '@moviegen/tensor/checks';
import { AFFORDABLE, firstAndLastRows, narrowArray, referenceCost } from './caseRows.ts';

/** What a result was compared with, and how much it differs. */
export interface Check {
  /** `reference`, `reference, first and last rows`, the name of a variant (with or without rows), or `nothing`. */
  readonly against: string;
  /** max|a - b| / max|b|; absent if there was nothing to compare it with. */
  readonly error?: number;
}

type Arrays = Readonly<Record<string, NDArray>>;
type Tensors = Readonly<Record<string, Tensor>>;
/** Some elements of a result, and the expected ones. */
interface Pair {
  readonly got: ArrayLike<number>;
  readonly expected: ArrayLike<number>;
}

const ROWS = ', first and last rows';
const section = (from: ArrayLike<number>, start: number, count: number): ArrayLike<number> =>
  Array.prototype.slice.call(from, start, start + count) as number[];

/** Checks a case whose operands are on the host. @throws if the result is wrong. */
export function check(device: Device, item: Case, operands: Arrays, run: CaseRun): Promise<Check> {
  return scopeAsync(device, async (): Promise<Check> => {
    const tensors = uploadOperands(device, operands);
    const got = await poisoned(device, prepareCase(device, item, tensors, run)).read();
    const cost = referenceCost(item);
    if (cost <= 4 * AFFORDABLE) {
      return verdict(item, run, 'reference', [{ got, expected: caseReference(item, operands).data }]);
    }
    const some = firstAndLastRows(item, operands, got.length, AFFORDABLE / cost, narrowArray);
    if (some) {
      const pairs = some.map(({ operands: own, skip, from, count }) => ({
        got: section(got, from, count),
        expected: section(caseReference(item, own).data, skip, count),
      }));
      return verdict(item, run, `reference${ROWS}`, pairs);
    }
    const simplest = caseVariants(device, item, run.dtype).at(-1);
    if (simplest === undefined || simplest === run.variant) return { against: 'nothing' };
    const other = prepareCase(device, item, tensors, { ...run, variant: simplest });
    return verdict(item, run, simplest, [{ got, expected: await poisoned(device, other).read() }]);
  });
}

/**
 * Checks the first and last rows of a case too large for the host: against the simplest variant, or against the CPU
 * reference if there is only one variant. @throws if the result is wrong.
 */
export function checkOnDevice(device: Device, item: Case, operands: Tensors, run: CaseRun): Promise<Check> {
  return scopeAsync(device, async (): Promise<Check> => {
    const simplest = caseVariants(device, item, run.dtype).at(-1);
    const alone = simplest === undefined || simplest === run.variant;
    const result = poisoned(device, prepareCase(device, item, operands, run));
    const size = sizeOf(result.shape);
    const share = Math.min(0.01, alone ? AFFORDABLE / referenceCost(item) : 1e10 / item.flops);
    const some = firstAndLastRows(item, operands, size, share, narrowTensor);
    if (!some) return { against: 'nothing' };
    const pairs: Pair[] = [];
    for (const { operands: own, skip, from, count } of some) {
      const expected = alone
        ? caseReference(item, await download(own)).data
        : await prepareCase(device, item, own, { ...run, variant: simplest })().read();
      const got = await slice(result.reshape([size]), { start: [from], end: [from + count] }).read();
      pairs.push({ got, expected: section(expected, skip, count) });
    }
    return verdict(item, run, `${alone ? 'reference' : simplest}${ROWS}`, pairs);
  });
}

async function download(operands: Tensors): Promise<Arrays> {
  const entries = Object.entries(operands).map(async ([name, tensor]): Promise<[string, NDArray]> => {
    const { shape, dtype } = tensor;
    return [name, { shape, dtype, data: await tensor.read() }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

function verdict(item: Case, run: CaseRun, against: string, pairs: readonly Pair[]): Check {
  let worst = 0;
  for (const { got, expected } of pairs) {
    const { error, index, got: value, expected: right } = compareArrays(got, expected);
    worst = Math.max(worst, error);
    if (error <= caseTolerance(item, run.dtype)) continue;
    const where = `at ${index} got ${value}, expected ${right} (${against})`;
    throw new Error(
      `${item.op} ${item.name}, variant ${run.variant ?? 'the only one'}: wrong result: ${where}`,
    );
  }
  return { against, error: worst };
}

const narrowTensor = (x: Tensor, axis: number, start: number, end: number): Tensor =>
  slice(x, {
    start: [...new Array<number>(axis).fill(0), start],
    end: [...x.shape.slice(0, axis), end],
  });

/** Runs `call` into memory full of NaN: the pool reuses a released buffer of the same size. */
export function poisoned(device: Device, call: () => Tensor): Tensor {
  const recording = device.record(call); // gives the size without running anything
  const { size, dtype } = recording.result;
  recording.destroy();
  if (dtype === 'f32' || dtype === 'f16') Tensor.full(device, [size], Number.NaN, dtype).dispose();
  return call();
}
