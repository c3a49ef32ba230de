// @moviegen/sampler: flow matching along the optimal-transport path, its schedules, noise levels and solvers. A model is
// known here only as a function of x and t.

export { flowMatchingLoss, pathPoint, pathVelocity, SIGMA_MIN } from './flow.ts';
export type { FollowOptions, SampleProgress } from './follow.ts';
export { combineBranches, guided, type Velocity } from './guidance.ts';
export {
  type HostSampleOptions,
  type HostVelocity,
  type SampleOptions,
  type Solver,
  sample,
  sampleOnHost,
} from './sample.ts';
export {
  type SampleSigmasOptions,
  type SigmaStep,
  type SigmaVelocity,
  sampleSigmas,
} from './sampleSigmas.ts';
export { linearQuadraticSchedule, linearSchedule, type Schedule } from './schedule.ts';
export { type EulerScheduler, parseScheduler, type Scheduler, type UniPCScheduler } from './scheduler.ts';
export { originalUniPCSchedule, type SigmaSchedule, sigmaSchedule } from './sigmas.ts';
export { type AxisWindows, axisWindows, type WindowPlace, type WindowSizes, Windows } from './windows.ts';
