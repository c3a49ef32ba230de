// @moviegen/kernels: every kernel as a pure record, its plain CPU reference, and the cases that check both.

export { activateKernel } from './activate.ts';
export type { Activation } from './activation.ts';
export type { Arithmetic, ArithmeticSide } from './arithmetic.ts';
export { arithmeticKernel } from './arithmetic.ts';
export { attentionKernel, attentionVariants } from './attention.ts';
export type { AttentionShape, Rows } from './attentionShape.ts';
export type { Case, Fill, TensorSpec } from './cases/index.ts';
export { cases, fill, references, spec } from './cases/index.ts';
export { castKernel } from './cast.ts';
export { concatKernel } from './concat.ts';
export { convKernel, convVariants } from './conv.ts';
export { convDirectKernel } from './convDirect.ts';
export {
  bfloat16ToFloat,
  bytesToFloats,
  convertibleTypes,
  float8e4m3ToFloat,
  float8e5m2ToFloat,
  floatsToHalves,
  floatToHalf,
  halfToFloat,
  halvesToFloats,
} from './convert.ts';
export type { ConvOptions, ConvShape } from './convShape.ts';
export { convSizes } from './convShape.ts';
export { convSpatioTemporalKernel } from './convSpatioTemporal.ts';
export type { SpatioTemporalShape } from './convSpatioTemporalTiles.ts';
export { convSpatioTemporalVariants, framesMade, PAIR } from './convSpatioTemporalTiles.ts';
export type { Walk } from './copy.ts';
export { copyKernel } from './copy.ts';
export type { DecodeRange } from './decode.ts';
export { canDecode, decodeKernel } from './decode.ts';
export type { EmbeddingShape } from './embedding.ts';
export { embeddingKernel } from './embedding.ts';
export { encodableTypes, floatsToBytes } from './encode.ts';
export { eulerStepKernel } from './eulerStep.ts';
export { gatedResidualKernel } from './gatedResidual.ts';
export type { GroupNormKernels, GroupNormShape } from './groupNorm.ts';
export { groupNormKernels, groupNormVariants } from './groupNorm.ts';
export { guidanceKernel } from './guidance.ts';
export type { Binding, DType, Kernel, SubgroupMatrixConfig, Target } from './kernel.ts';
export { BYTES, f32, i32, u32, uniformBlock, workgroupIndexWGSL } from './kernel.ts';
export { layerNormKernel } from './layerNorm.ts';
export type { LinearShape } from './linear.ts';
export { linearKernel, linearVariants } from './linear.ts';
export { matmulKernel, matmulVariants } from './matmul.ts';
export type { MatmulShape, MatmulSizes } from './matmulShape.ts';
export { matmulSizes } from './matmulShape.ts';
export type { NormShape } from './norm.ts';
export { normVariants } from './norm.ts';
export type { PackShape } from './pack.ts';
export { packKernel } from './pack.ts';
export type { PackQuantizedShape } from './packQuantized.ts';
export { packQuantizedKernel } from './packQuantized.ts';
export type { PadMode } from './pad.ts';
export { padKernel } from './pad.ts';
export { permuteKernel } from './permute.ts';
export type { QuantFormat, Quantized } from './quantize.ts';
export {
  canQuantize,
  codeBytes,
  dequantize,
  isQuantFormat,
  QUANT_BLOCK,
  QUANT_FORMATS,
  quantize,
  quantizedBytes,
  quantizedParts,
} from './quantize.ts';
export { randnKernel } from './randn.ts';
export type { ReduceStage, Reduction } from './reduce.ts';
export { reduceStages } from './reduce.ts';
export type { NDArray, Operands, Options, Reference } from './reference/ndarray.ts';
export { at, generate, operand, sizeOf, stridesOf, zeros } from './reference/ndarray.ts';
export type { NoiseOptions } from './reference/philox.ts';
export { philoxNormal, philoxWords } from './reference/philox.ts';
export { rmsNormKernel } from './rmsNorm.ts';
export { siluMulKernel } from './siluMul.ts';
export { sliceKernel } from './slice.ts';
export type { SoftmaxShape } from './softmax.ts';
export { softmaxKernel, softmaxVariants } from './softmax.ts';
export { broadcastShape } from './strides.ts';
export type { SwigluShape } from './swiglu.ts';
export { swigluKernel, swigluVariants } from './swiglu.ts';
export type { TimestepShape } from './timestepEmbedding.ts';
export { timestepEmbeddingKernel } from './timestepEmbedding.ts';
export type { Unary } from './unary.ts';
export { clampKernel, unaryKernel } from './unary.ts';
export { upsampleNearestKernel } from './upsampleNearest.ts';
