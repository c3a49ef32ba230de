// @moviegen/kernels: every kernel as a pure record, its plain CPU reference, and the cases that check both.

export type { Activation } from './activation.ts';
export { attentionKernel, attentionVariants } from './attention.ts';
export type { AttentionShape, Rows } from './attentionShape.ts';
export type { Case, Fill, TensorSpec } from './cases/index.ts';
export { cases, fill, references, spec } from './cases/index.ts';
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
export type { Binding, DType, Kernel, SubgroupMatrixConfig, Target } from './kernel.ts';
export { BYTES, f32, i32, u32, uniformBlock, workgroupIndexWGSL } from './kernel.ts';
export type { LinearShape } from './linear.ts';
export { linearKernel, linearVariants } from './linear.ts';
export { matmulKernel, matmulVariants } from './matmul.ts';
export type { MatmulShape, MatmulSizes } from './matmulShape.ts';
export { matmulSizes } from './matmulShape.ts';
export type { PackShape } from './pack.ts';
export { packKernel } from './pack.ts';
export type { NDArray, Operands, Options, Reference } from './reference/ndarray.ts';
export { at, generate, operand, sizeOf, stridesOf, zeros } from './reference/ndarray.ts';
export type { SwigluShape } from './swiglu.ts';
export { swigluKernel, swigluVariants } from './swiglu.ts';
