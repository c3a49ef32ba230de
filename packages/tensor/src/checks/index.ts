// @moviegen/tensor/checks: compares every kernel with its CPU reference on a device, and measures the device's ceilings.
// For tests, the bench, `moviegen doctor` and pages that show the same; generating a video does not need it.
/// <reference types="@webgpu/types" preserve="true" />

export { caseVariants } from './caseVariants.ts';
export type { Ceilings, CeilingsOptions } from './ceilings.ts';
export { measureCeilings } from './ceilings.ts';
export type { CaseRun, OpDifference } from './runCase.ts';
export {
  caseOperands,
  caseReference,
  caseTolerance,
  checkOpCase,
  compareArrays,
  prepareCase,
  uploadOperands,
} from './runCase.ts';
