// @moviegen/safetensors: the file format, strict and streaming. Depends on nothing. Files of Node are in the `./node` entry.

export { type CheckpointOptions, openCheckpoint } from './checkpoint.ts';
export { DTYPE_BITS, DTYPES, type SafetensorsDType } from './dtypes.ts';
export {
  isAbsent,
  printable,
  quoted,
  SafetensorsError,
  type SafetensorsErrorDetails,
  withoutSecrets,
} from './errors.ts';
export { foreignFile, isPage } from './foreign.ts';
export { MAX_HEADER_BYTES, type TensorInfo } from './header.ts';
export { type HttpOptions, httpFolder, httpSource } from './http.ts';
export type { MetadataText, TensorShape, TensorsByName } from './layout.ts';
export { type PieceOptions, piecesOf, type TensorPiece, type TensorSpan } from './pieces.ts';
export {
  type ChunkOptions,
  type OpenOptions,
  Safetensors,
  type TensorSource,
  toSource,
} from './safetensors.ts';
export { type OpenFile, parseIndex, ShardedSafetensors, type ShardIndex } from './sharded.ts';
export { type ByteSource, blobSource, memorySource, type ReadOptions, type SourceLike } from './source.ts';
export {
  serialize,
  serializeChunks,
  type TensorData,
  type TensorStream,
  type WriteOptions,
} from './write.ts';
