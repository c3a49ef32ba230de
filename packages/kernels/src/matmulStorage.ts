// WGSL for matrices in storage buffers of either type: declarations, and reads that widen to f32.
import type { DType } from './kernel.ts';

/** What a kernel uses of subgroups. */
export type SubgroupUse = boolean | 'matrices';

/** The `enable` lines of a kernel. */
export const enableWGSL = (dtype: DType, subgroups: SubgroupUse): string =>
  [
    dtype === 'f16' ? 'enable f16;\n' : '',
    subgroups ? 'enable subgroups;\n' : '',
    subgroups === 'matrices' ? 'enable chromium_experimental_subgroup_matrix;\n' : '',
  ].join('');

/** `array<f32>` or, where `wide`, `array<vec4<f32>>`. */
export const storageArray = (dtype: DType, wide: boolean): string =>
  wide ? `array<vec4<${dtype}>>` : `array<${dtype}>`;

/** A read of a stored number (where `wide`, of a vec4) as f32. */
export const toF32 = (dtype: DType, text: string, wide = false): string =>
  dtype === 'f32' ? text : `${wide ? 'vec4f' : 'f32'}(${text})`;

/** An f32 number (where `wide`, a vec4f) as the stored type. */
export const fromF32 = (dtype: DType, text: string, wide = false): string =>
  dtype === 'f32' ? text : `${wide ? 'vec4<f16>' : 'f16'}(${text})`;

/** A statement that stores the vec4f `value` at `row`, vec4 column `at`, of rows of `u.N` numbers, `u.columns` vectors. */
export const storeRowWGSL = (dtype: DType, wide: boolean, row: string): string =>
  wide
    ? `out[(${row}) * u.columns + at] = ${fromF32(dtype, 'value', true)};`
    : `for (var c = 0u; c < min(4u, u.N - at * 4u); c++) {
        out[(${row}) * u.N + at * 4u + c] = ${fromF32(dtype, 'value[c]')};
      }`;
