// @moviegen/kernels: every kernel as a pure record, its plain CPU reference, and the cases that check both.
export type { Case, Fill, TensorSpec } from './cases/index.ts';
export { cases, fill, references, spec } from './cases/index.ts';
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
export type { Binding, DType, Kernel, SubgroupMatrixConfig, Target } from './kernel.ts';
export { BYTES, f32, i32, u32, uniformBlock, workgroupIndexWGSL } from './kernel.ts';
export type { NDArray, Operands, Options, Reference } from './reference/ndarray.ts';
export { at, generate, operand, sizeOf, stridesOf, zeros } from './reference/ndarray.ts';
