// @moviegen/tensor/checks: every kernel against its CPU reference on a device, and what the device can do at most. For tests,
// the bench, `moviegen doctor` and pages that show the same; generating a video needs none of it.

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
