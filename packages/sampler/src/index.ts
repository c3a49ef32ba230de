// @moviegen/sampler: flow matching along the optimal-transport path, its schedules and solvers. A model is
// known here only as a function of x and t.

export { flowMatchingLoss, pathPoint, pathVelocity, SIGMA_MIN } from './flow.ts';
export { combineBranches, guided, type Velocity } from './guidance.ts';
export {
  type HostSampleOptions,
  type HostVelocity,
  type SampleOptions,
  type SampleProgress,
  type Solver,
  sample,
  sampleOnHost,
} from './sample.ts';
export { linearQuadraticSchedule, linearSchedule, type Schedule } from './schedule.ts';
export { type AxisWindows, axisWindows, type WindowPlace, type WindowSizes, Windows } from './windows.ts';
