// @moviegen/tensor/checks: every kernel against its CPU reference on a device, and what the device can do at most. For tests,
// the bench, `moviegen doctor` and pages that show the same; generating a video needs none of it.
/// <reference types="@webgpu/types" preserve="true" />

export type { Ceilings, CeilingsOptions } from './ceilings.ts';
export { measureCeilings } from './ceilings.ts';
export type { CaseRun, Difference } from './runCase.ts';
export {
  caseOperands,
  caseReference,
  caseTolerance,
  caseVariants,
  checkCase,
  compare,
  prepareCase,
  uploadOperands,
} from './runCase.ts';
