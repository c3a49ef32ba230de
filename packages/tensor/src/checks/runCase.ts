// Runs the case list of @moviegen/kernels through the ops and compares the results with the CPU reference. Tests, the
// benchmark and `moviegen doctor` share this.
import {
  type Case,
  type DType,
  fill,
  floatToHalf,
  halfToFloat,
  type NDArray,
  references,
} from '@moviegen/kernels';
import type { Device } from '../device/device.ts';
import { Tensor } from '../tensor.ts';
import { operandType } from './caseVariants.ts';
import { opTable } from './opTable.ts';

/** How a case is run. */
export interface CaseRun {
  /** Type of the operands that the case calls f32. Default f32. */
  readonly dtype?: 'f32' | 'f16' | undefined;
  /** A kernel's variant; default the best for the adapter. `caseVariants` lists them. */
  readonly variant?: string | undefined;
  /** Default 1. */
  readonly seed?: number | undefined;
}

/** A difference between a result and its reference. */
export interface OpDifference {
  /** max|a - b| / max|b|; infinite where shapes differ, or one is NaN or infinite and the other is not. */
  readonly error: number;
  /** Where the difference is largest, row-major. */
  readonly index: number;
  readonly got: number;
  readonly expected: number;
}

/** The operands of a case on the host, by name. In f16 they hold f16 values. */
export function caseOperands(
  { inputs }: Case,
  { dtype = 'f32', seed = 1 }: CaseRun = {},
): Record<string, NDArray> {
  const operands = Object.entries(inputs).map(([name, spec], k): [string, NDArray] => {
    const array = fill(spec, seed * 1000 + k);
    if (operandType(spec, dtype) === spec.dtype) return [name, array];
    return [
      name,
      { ...array, dtype, data: Float32Array.from(array.data, (v) => halfToFloat(floatToHalf(v))) },
    ];
  });
  return Object.fromEntries(operands);
}

/** Uploads operands. */
export function uploadOperands(
  device: Device,
  operands: Readonly<Record<string, NDArray>>,
): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(operands).map(([name, { data, shape, dtype }]) => {
      return [name, Tensor.from(device, data, shape, { dtype, label: name })];
    }),
  );
}

/**
 * A function that runs the case's op on uploaded operands; constant weights are packed beforehand, as
 * models do at load.
 */
export function prepareCase(
  device: Device,
  { op, options }: Case,
  operands: Readonly<Record<string, Tensor>>,
  { dtype = 'f32', variant }: CaseRun = {},
): () => Tensor {
  const make = opTable[op];
  if (!make) throw new Error(`internal: no op ${op} for its cases`);
  return make.prepare({ device, operands, options, dtype, variant });
}

/** The result of the CPU reference for a case. */
export function caseReference({ op, options }: Case, operands: Readonly<Record<string, NDArray>>): NDArray {
  const reference = references[op];
  if (!reference) throw new Error(`internal: no reference for ${op}`);
  return reference(operands, options);
}

/** Runs a case and compares its result with the CPU reference. */
export async function checkOpCase(device: Device, item: Case, run: CaseRun = {}): Promise<OpDifference> {
  const operands = caseOperands(item, run);
  const result = prepareCase(device, item, uploadOperands(device, operands), run)();
  const expected = caseReference(item, operands);
  if (result.shape.join() !== expected.shape.join()) {
    return { error: Number.POSITIVE_INFINITY, index: -1, got: result.size, expected: expected.data.length };
  }
  return compareArrays(await result.read(), expected.data);
}

/** max|a - b| / max|b| and its index. Equal NaNs and equal infinities do not differ. */
export function compareArrays(got: ArrayLike<number>, expected: ArrayLike<number>): OpDifference {
  let largest = 0;
  let worst = 0;
  let index = -1;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [got[i]!, expected[i]!];
    if (Number.isFinite(b)) largest = Math.max(largest, Math.abs(b));
    if (Object.is(a, b) || a === b) continue;
    const difference = Math.abs(a - b);
    if (!(difference <= worst)) {
      worst = Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY;
      index = i;
    }
    if (worst === Number.POSITIVE_INFINITY) break;
  }
  const error = worst === 0 ? 0 : worst / (largest || 1);
  return { error, index, got: got[Math.max(index, 0)] ?? 0, expected: expected[Math.max(index, 0)] ?? 0 };
}

/** Bound on {@link OpDifference.error} of a case by type. */
export const caseTolerance = ({ tolerance }: Case, dtype: DType = 'f32'): number =>
  dtype === 'f16' ? tolerance.f16 : tolerance.f32;
