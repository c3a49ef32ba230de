// moviegen/node: what needs a file system. The rest is in `moviegen`.

export { openDevice } from '@moviegen/tensor/node';
export { type AverageOptions, type AverageProgress, averageCheckpoints } from './averageFolder.ts';
export { fixtureFiles, type ReadVideoOptions, readVideo } from './inputs.ts';
export { type OutputFile, Outputs } from './outputs.ts';
export { filesAt } from './platform.ts';
