// @moviegen/bench: the measuring core, for the commands here and for pages. The commands (main.ts, peers/ and
// portable.ts) need Node and are not exported.
export { boundOf, peakFlops } from './ceilings.ts';
export { type Change, compareReports, sameAdapter } from './compare.ts';
export { type Budget, type MeasureOptions, measure, type Result } from './measure.ts';
export { ditStep, generation, type ModelResult, type ModelRow, seededRows, taeDecode } from './models.ts';
export { adapterName, keyOf, type Report } from './report.ts';
export { type Point, type Roofline, rooflineSvg } from './roofline.ts';
export { benchCases, Ear, type RunOptions, run } from './run.ts';
export { mergeTorch, type TorchPair, type TorchReport } from './torch.ts';
export { wanRows } from './wanModels.ts';
