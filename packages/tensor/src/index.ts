// @moviegen/tensor: device, memory, dispatch, Tensor and its ops. All code of the project that touches the GPU lives here.
/// <reference types="@webgpu/types" preserve="true" />
export type { DType, QuantFormat } from '@moviegen/kernels';
export { orAborted } from './abort.ts';
export { ConfigError } from './configError.ts';
export { ConfigReader } from './configReader.ts';
export { Device } from './device/device.ts';
export type { DryOptions } from './device/dry.ts';
export { dryDevice } from './device/dry.ts';
export { advance, keep, scope, scopeAsync } from './device/scope.ts';
export type { AdapterInfo, Limits } from './gpu/adapter.ts';
export type { SubmitBounds } from './gpu/commands.ts';
export { DeviceLostError, NoAdapterError, OutOfMemoryError, ShaderError } from './gpu/errors.ts';
export type { Host } from './gpu/host.ts';
export type { DeviceOptions } from './gpu/options.ts';
export type { Memory } from './gpu/pool.ts';
export type { Recording } from './gpu/recording.ts';
export { largestOperand } from './gpu/storage.ts';
export type { Timing } from './gpu/timing.ts';
export type { Grid, Patch } from './latentTokens.ts';
export { batchOf, PatchEmbed, tokenGrid, tokensWithin, unpatchify } from './latentTokens.ts';
export { LayerNorm, Linear, RMSNorm } from './layers.ts';
export type { HostArray, Numbers } from './numbers.ts';
export { gelu, quickGelu, relu, silu, siluMul } from './ops/activations.ts';
export { add, div, mul, sub } from './ops/arithmetic.ts';
export type { AttentionOptions } from './ops/attention.ts';
export { attention } from './ops/attention.ts';
export { cast } from './ops/cast.ts';
export type { CellOptions } from './ops/cells.ts';
export { averageDown, repeatUp } from './ops/cells.ts';
export type { Columns } from './ops/columns.ts';
export { chunk, columns } from './ops/columns.ts';
export type { ConvOptions } from './ops/conv.ts';
export { conv1d, conv2d, conv3d } from './ops/conv.ts';
export { embedding } from './ops/embedding.ts';
export type { GroupNormOptions } from './ops/groupNorm.ts';
export { groupNorm } from './ops/groupNorm.ts';
export { byRows } from './ops/large/byRows.ts';
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
export type { PerItemOptions } from './ops/perItem.ts';
export type { RandnOptions } from './ops/randn.ts';
export { randn } from './ops/randn.ts';
export type { ReduceOptions } from './ops/reduce.ts';
export { max, mean, sum } from './ops/reduce.ts';
export type { RotaryOptions } from './ops/rmsNormRotary.ts';
export { rmsNormRotary } from './ops/rmsNormRotary.ts';
export type { SoftmaxOptions } from './ops/softmax.ts';
export { softmax } from './ops/softmax.ts';
export { swiglu } from './ops/swiglu.ts';
export type { TimestepOptions } from './ops/timestepEmbedding.ts';
export { timestepEmbedding } from './ops/timestepEmbedding.ts';
export { abs, clamp, exp, sqrt } from './ops/unary.ts';
export { eulerStep, gatedResidual, guidance, linearCombination } from './ops/updates.ts';
export type { PaddedStates } from './paddedStates.ts';
export { StepCache, throughBlocks } from './stepCache.ts';
export type { TensorOptions } from './tensor.ts';
export { Tensor } from './tensor.ts';
export type { BlockModulation, ModelModulation, Modulation } from './timeModulation.ts';
export { modulationOf, TimeModulation } from './timeModulation.ts';
export type { Trace } from './trace.ts';
export { observe, observed, traced } from './trace.ts';
export type { Choice, TuneMode, TuneStore, TuneTable } from './tuning/tuner.ts';
export { WeightBook } from './weights/book.ts';
export type { WeightChanges } from './weights/changes.ts';
export { checkWeights } from './weights/check.ts';
export { LayerStream } from './weights/layerStream.ts';
export { loadWeights } from './weights/load.ts';
export { loraChanges } from './weights/lora.ts';
export type { Lora } from './weights/loraChanges.ts';
export { loraName } from './weights/loraNames.ts';
export type { LayeredWeights, Placement } from './weights/placement.ts';
export { placeWeights, stayingWeights } from './weights/placement.ts';
export { quantizedSource, quantizedWeights } from './weights/quantized.ts';
export type { NamePairs } from './weights/renamed.ts';
export { renamedSource, renaming, reversed } from './weights/renamed.ts';
export { loadRows } from './weights/rows.ts';
export { scaledSource } from './weights/scaled.ts';
export { changingBytes, decodingBytes, fileBytes, weightBytes } from './weights/sizes.ts';
export type {
  PlainType,
  WeightOptions,
  WeightPiece,
  WeightPieceOptions,
  WeightProgress,
  WeightSource,
} from './weights/source.ts';
export { readFloats, WeightsError } from './weights/source.ts';
