// @moviegen/tensor: device, memory, dispatch, Tensor and its ops. All GPU words of the project live here.
export type { DType, QuantFormat } from '@moviegen/kernels';
export { orAborted } from './abort.ts';
export type { AdapterInfo, Limits } from './adapter.ts';
export { advance } from './advance.ts';
export type { Ceilings, CeilingsOptions } from './ceilings.ts';
export { measureCeilings } from './ceilings.ts';
export type { WeightChanges } from './changes.ts';
export { Device } from './device.ts';
export type { DeviceOptions } from './deviceOptions.ts';
export type { DryOptions } from './dry.ts';
export { dryDevice } from './dry.ts';
export type { SubmitBounds } from './encoder.ts';
export { DeviceLostError, NoAdapterError, OutOfMemoryError, ShaderError } from './errors.ts';
export { fold } from './fold.ts';
export type { Host } from './host.ts';
export type { Lora } from './lora.ts';
export { loraChanges } from './lora.ts';
export type { HostArray, Numbers } from './numbers.ts';
export { gelu, quickGelu, relu, silu, siluMul } from './ops/activations.ts';
export { add, div, mul, sub } from './ops/arithmetic.ts';
export type { AttentionOptions } from './ops/attention.ts';
export { attention } from './ops/attention.ts';
export { byRows } from './ops/byRows.ts';
export { cast } from './ops/cast.ts';
export type { Columns } from './ops/columns.ts';
export { columns } from './ops/columns.ts';
export type { ConvOptions } from './ops/conv.ts';
export { conv1d, conv2d, conv3d } from './ops/conv.ts';
export type { SpatioTemporalOptions } from './ops/convSpatioTemporal.ts';
export { convSpatioTemporal } from './ops/convSpatioTemporal.ts';
export { embedding } from './ops/embedding.ts';
export type { GroupNormOptions } from './ops/groupNorm.ts';
export { groupNorm } from './ops/groupNorm.ts';
export type { LinearOptions } from './ops/linear.ts';
export { linear } from './ops/linear.ts';
export type { MatmulOptions } from './ops/matmul.ts';
export { matmul } from './ops/matmul.ts';
export type { SliceOptions, UpsampleOptions } from './ops/movement.ts';
export { concat, permute, slice, upsampleNearest } from './ops/movement.ts';
export type { NormOptions } from './ops/norms.ts';
export { layerNorm, rmsNorm } from './ops/norms.ts';
export type { Packed, PackedConv } from './ops/pack.ts';
export { pack, packConv } from './ops/pack.ts';
export type { PadOptions } from './ops/pad.ts';
export { pad } from './ops/pad.ts';
export type { RandnOptions } from './ops/randn.ts';
export { randn } from './ops/randn.ts';
export type { ReduceOptions } from './ops/reduce.ts';
export { max, mean, sum } from './ops/reduce.ts';
export type { SoftmaxOptions } from './ops/softmax.ts';
export { softmax } from './ops/softmax.ts';
export { swiglu } from './ops/swiglu.ts';
export type { TimestepOptions } from './ops/timestepEmbedding.ts';
export { timestepEmbedding } from './ops/timestepEmbedding.ts';
export { abs, clamp, exp, sqrt } from './ops/unary.ts';
export { eulerStep, gatedResidual, guidance } from './ops/updates.ts';
export type { Memory } from './pool.ts';
export { quantizedSource, quantizedWeights } from './quantizedSource.ts';
export type { Recording } from './recording.ts';
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
export { keep, scope, scopeAsync } from './scope.ts';
export { largestOperand } from './storage.ts';
export type { TensorOptions } from './tensor.ts';
export { Tensor } from './tensor.ts';
export type { Timing } from './timing.ts';
export type { Choice, TuneMode, TuneStore, TuneTable } from './tuner.ts';
export { WeightBook } from './weightBook.ts';
export { checkWeights } from './weightCheck.ts';
export type {
  PlainType,
  WeightOptions,
  WeightPiece,
  WeightPieceOptions,
  WeightProgress,
  WeightSource,
} from './weightSource.ts';
export { WeightsError } from './weightSource.ts';
export { loadWeights } from './weights.ts';
export { changingBytes, decodingBytes, weightBytes } from './weightTypes.ts';
