// moviegen/node: the part of the library that needs a file system. The rest is in `moviegen`.

export { openDevice } from '@moviegen/tensor/node';
export { type AverageOptions, type AverageProgress, averageCheckpoints } from './averageFolder.ts';
export { fixtureFiles, type ReadVideoOptions, readStored, readVideo, streamVideo } from './inputs.ts';
export { type OutputFile, Outputs } from './outputs.ts';
export { filesAt } from './platform.ts';
export type { QuantizedModule, QuantizeSummary } from './quantizeFile.ts';
export { type QuantizeOptions, quantizeCheckpoint } from './quantizeFolder.ts';
