// @moviegen/kernels: every kernel as a pure record, its plain CPU reference, and the cases that check both.

export type { Activation } from './activation.ts';
export { attentionKernel, attentionVariants } from './attention/attention.ts';
export type { AttentionShape, Rows } from './attention/shape.ts';
export type { Case, Fill, TensorSpec } from './cases/index.ts';
export { cases, fill, references, spec } from './cases/index.ts';
export { convKernel, convVariants } from './conv/conv.ts';
export { convDirectKernel } from './conv/direct.ts';
export type { ConvOptions, ConvShape } from './conv/shape.ts';
export { convSizes } from './conv/shape.ts';
export { activateKernel } from './elementwise/activate.ts';
export type { Arithmetic, ArithmeticSide } from './elementwise/arithmetic.ts';
export { arithmeticKernel } from './elementwise/arithmetic.ts';
export { castKernel } from './elementwise/cast.ts';
export { eulerStepKernel } from './elementwise/eulerStep.ts';
export { gatedResidualKernel } from './elementwise/gatedResidual.ts';
export { guidanceKernel } from './elementwise/guidance.ts';
export { linearCombinationKernel } from './elementwise/linearCombination.ts';
export { siluMulKernel } from './elementwise/siluMul.ts';
export type { Unary } from './elementwise/unary.ts';
export { clampKernel, unaryKernel } from './elementwise/unary.ts';
export {
  bytesToFloats,
  convertibleTypes,
  floatsToHalves,
  halvesToFloats,
  unitOf,
} from './formats/convert.ts';
export type { DecodeRange } from './formats/decode.ts';
export { canDecode, decodeKernel } from './formats/decode.ts';
export { encodableTypes, floatsToBytes } from './formats/encode.ts';
export { floatToHalf, halfToFloat } from './formats/numbers.ts';
export type { Quantized } from './formats/quantize.ts';
export {
  canQuantize,
  codeBytes,
  dequantize,
  isQuantFormat,
  QUANT_BLOCK,
  quantize,
  quantizedBytes,
  quantizedParts,
} from './formats/quantize.ts';
export type { NoiseOptions } from './generators/noise.ts';
export { randnKernel } from './generators/randn.ts';
export type { TimestepShape } from './generators/timestepEmbedding.ts';
export { timestepEmbeddingKernel } from './generators/timestepEmbedding.ts';
export type { Binding, DType, Kernel, QuantFormat, SubgroupMatrixConfig, Target } from './kernel.ts';
export { BYTES, f32, u32, uniformBlock, workgroupIndexWGSL } from './kernel.ts';
export type { LinearShape } from './matmul/linear.ts';
export { linearKernel, linearVariants } from './matmul/linear.ts';
export { matmulKernel, matmulVariants } from './matmul/matmul.ts';
export type { PackShape } from './matmul/pack.ts';
export { packKernel } from './matmul/pack.ts';
export type { PackQuantizedShape } from './matmul/packQuantized.ts';
export { packQuantizedKernel } from './matmul/packQuantized.ts';
export type { MatmulShape, MatmulSizes } from './matmul/shape.ts';
export { matmulSizes } from './matmul/shape.ts';
export type { SwigluShape } from './matmul/swiglu.ts';
export { swigluKernel, swigluVariants } from './matmul/swiglu.ts';
export { averageDownKernel, type Cell } from './movement/averageDown.ts';
export { concatKernel } from './movement/concat.ts';
export type { Walk } from './movement/copy.ts';
export { copyKernel } from './movement/copy.ts';
export type { EmbeddingShape } from './movement/embedding.ts';
export { embeddingKernel } from './movement/embedding.ts';
export type { PadMode } from './movement/pad.ts';
export { padKernel } from './movement/pad.ts';
export { permuteKernel } from './movement/permute.ts';
export { repeatUpKernel } from './movement/repeatUp.ts';
export { sliceKernel } from './movement/slice.ts';
export { upsampleNearestKernel } from './movement/upsampleNearest.ts';
export type { NDArray, Operands, Options, Reference } from './reference/ndarray.ts';
export { at } from './reference/ndarray.ts';
export { philoxNormal, philoxWords } from './reference/philox.ts';
export type { GroupNormKernels, GroupNormShape } from './rows/groupNorm.ts';
export { groupNormKernels, groupNormVariants } from './rows/groupNorm.ts';
export { layerNormKernel } from './rows/layerNorm.ts';
export type { NormShape } from './rows/norm.ts';
export { normVariants } from './rows/norm.ts';
export type { ReduceStage, Reduction } from './rows/reduce.ts';
export { reduceStages } from './rows/reduce.ts';
export { rmsNormKernel } from './rows/rmsNorm.ts';
export type { RotaryShape } from './rows/rmsNormRotary.ts';
export { rmsNormRotaryKernel } from './rows/rmsNormRotary.ts';
export type { SoftmaxShape } from './rows/softmax.ts';
export { softmaxKernel, softmaxVariants } from './rows/softmax.ts';
export { broadcastShape, show, sizeOf, stridesOf } from './shape.ts';
export type { ItemRows } from './wgsl.ts';
