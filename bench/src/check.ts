// Before a case is timed its result is checked: against the CPU reference where that is quick, else against
// the simplest variant of its kernel. Outputs are poisoned first, so that a kernel that writes too little shows.
import type { Case, NDArray } from '@moviegen/kernels';
import {
  type CaseRun,
  caseReference,
  caseTolerance,
  caseVariants,
  compare,
  type Device,
  prepareCase,
  scopeAsync,
  Tensor,
  uploadOperands,
} from '@moviegen/tensor';

/** What a result was held against, and how far off it is. */
export interface Check {
  /** `reference`, the name of a variant, or `nothing`. */
  readonly against: string;
  /** max|a - b| / max|b|; absent where there was nothing to hold it against. */
  readonly error?: number;
}

/** Operations that a CPU reference may take; those of the convolutions are some twenty times slower. */
const AFFORDABLE = 3e8;
const cost = ({ op, flops }: Case): number => (op.startsWith('conv') ? 20 * flops : flops);

/** @throws where the result is wrong. */
export async function check(
  device: Device,
  item: Case,
  operands: Readonly<Record<string, NDArray>>,
  run: CaseRun,
): Promise<Check> {
  return scopeAsync(device, async (): Promise<Check> => {
    const tensors = uploadOperands(device, operands);
    const got = await poisoned(device, prepareCase(device, item, tensors, run)).read();
    const simplest = caseVariants(device, item).at(-1);
    let expected: ArrayLike<number>;
    let against: string;
    if (cost(item) <= AFFORDABLE) {
      expected = caseReference(item, operands).data;
      against = 'reference';
    } else if (simplest !== undefined && simplest !== run.variant) {
      const other = prepareCase(device, item, tensors, { ...run, variant: simplest });
      expected = await poisoned(device, other).read();
      against = simplest;
    } else return { against: 'nothing' };
    const { error, index, got: value, expected: right } = compare(got, expected);
    if (error <= caseTolerance(item, run.dtype)) return { against, error };
    const where = `at ${index} got ${value}, expected ${right} (${against})`;
    throw new Error(
      `${item.op} ${item.name}, variant ${run.variant ?? 'the only one'}: wrong result: ${where}`,
    );
  });
}

/** Runs `call` into memory full of NaN: the pool hands a released buffer of the same size out again. */
function poisoned(device: Device, call: () => Tensor): Tensor {
  const recording = device.record(call); // tells the size without running anything
  const { size, dtype } = recording.result;
  recording.destroy();
  if (dtype === 'f32' || dtype === 'f16') Tensor.full(device, [size], Number.NaN, dtype).dispose();
  return call();
}
