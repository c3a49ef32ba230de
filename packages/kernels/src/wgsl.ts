// Pieces of WGSL text that kernels of several families share: `enable` lines, declarations of storage, reads that widen
// to f32, unrolled lines, the loop over elements. Text that only one family needs lies in that family's folder.
import { type DType, type Target, u32 } from './kernel.ts';

/** What a kernel uses of subgroups. */
export type SubgroupUse = boolean | 'matrices';

/** The `enable` lines of a kernel that uses these element types. */
export const enableWGSL = (dtypes: DType | readonly DType[], subgroups: SubgroupUse = false): string =>
  [
    dtypes.includes('f16') ? 'enable f16;\n' : '',
    subgroups ? 'enable subgroups;\n' : '',
    subgroups === 'matrices' ? 'enable chromium_experimental_subgroup_matrix;\n' : '',
  ].join('');

/** `array<f32>`, or `array<vec4<f32>>` if `wide`. */
export const storageArray = (dtype: DType, wide: boolean): string =>
  wide ? `array<vec4<${dtype}>>` : `array<${dtype}>`;

/** An expression that reads a stored number (a vec4 if `wide`) as f32. */
export const toF32 = (dtype: DType, text: string, wide = false): string =>
  dtype === 'f32' ? text : `${wide ? 'vec4f' : 'f32'}(${text})`;

/** An expression that converts an f32 number (a vec4f if `wide`) to the stored type. */
export const fromF32 = (dtype: DType, text: string, wide = false): string =>
  dtype === 'f32' ? text : `${wide ? 'vec4<f16>' : 'f16'}(${text})`;

/** A statement that stores the vec4f `value` at `row`, vec4 column `at`. A row has `u.N` numbers in `u.columns` vectors. */
export const storeRowWGSL = (dtype: DType, wide: boolean, row: string): string =>
  wide
    ? `out[(${row}) * u.columns + at] = ${fromF32(dtype, 'value', true)};`
    : `for (var c = 0u; c < min(4u, u.N - at * 4u); c++) {
        out[(${row}) * u.N + at * 4u + c] = ${fromF32(dtype, 'value[c]')};
      }`;

/** `alias V` of the numbers that a kernel works with, f32 where they are floats, and `alias Bits` of the same size: alone or in fours. */
export const vectorWGSL = (width: number, number: 'f32' | 'i32' | 'u32' = 'f32'): string =>
  width === 4
    ? `alias V = vec4<${number}>;\nalias Bits = vec4<u32>;\n`
    : `alias V = ${number};\nalias Bits = u32;\n`;

/**
 * An expression that is true where the f32 `x` is NaN, by its bits: compilers that take numbers to be finite fold
 * `x != x`. `bits` is the u32 type of the same size.
 */
export const nanWGSL = (x: string, bits = 'Bits'): string =>
  `((bitcast<${bits}>(${x}) & ${bits}(0x7fffffffu)) > ${bits}(0x7f800000u))`;

/** `text(0)`, `text(1)` ..., one per line. */
export const unroll = (count: number, text: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => text(i)).join('\n');

/** How the lanes of a subgroup read one another's values. */
export type LaneExchange = 'none' | 'quad' | 'shuffle';

/** An expression for `value` of the lane whose number is this lane's number XOR `s`. */
export function exchanged(exchange: LaneExchange, value: string, s: number): string {
  if (s === 0) return value;
  if (exchange === 'shuffle') return `subgroupShuffleXor(${value}, ${s}u)`;
  return `${['', 'quadSwapX', 'quadSwapY', 'quadSwapDiagonal'][s]}(${value})`;
}

/** Subgroup size of a software adapter if all its subgroups have the same small size (4 or 8); otherwise 0. */
export const lanesOf = ({ software, subgroups, subgroupSize: [min, max] }: Target): number =>
  software && subgroups && min === max && (min === 4 || min === 8) ? min : 0;

const LANES = 256;
const PER_INVOCATION = 4;

/** A stored element, or four of them. */
export const elementWGSL = (dtype: DType, width: number): string => (width === 4 ? `vec4<${dtype}>` : dtype);

/** WGSL of an entry point that runs `statement` for every `i` below `limit`. */
export const eachWGSL = (limit: string, statement: string): string => /* wgsl */ `
// A workgroup owns ${LANES * PER_INVOCATION} neighbouring values of i; an invocation owns every ${LANES}th of them.
@compute @workgroup_size(${LANES})
fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let first = workgroupIndex(id, count) * ${LANES * PER_INVOCATION}u + local;
  for (var k = 0u; k < ${PER_INVOCATION}u; k++) {
    let i = first + k * ${LANES}u;
    if (i < ${limit}) {
      ${statement}
    }
  }
}
`;

/** Number of workgroups that {@link eachWGSL} needs for `count` values of i. */
export const eachWorkgroups = (count: number): number => Math.ceil(count / (LANES * PER_INVOCATION));

/** Which row of a table of vectors (a modulation, a gate) goes with each row of a tensor. */
export interface ItemRows {
  /** Rows of the tensor per batch item. */
  readonly rowsPerItem: number;
  /** Vectors per batch item: 1, or 2 where the item's first rows take another one; 0 where all items share them. */
  readonly each: 0 | 1 | 2;
  /** How many rows at the front of an item take the first of two vectors; the others take the second. */
  readonly early?: number;
  /** Rows of the tensor before those that the kernel sees. */
  readonly before?: number;
}

/** Uniform fields of {@link itemRowWGSL}. */
export const itemRowUniforms = ({
  rowsPerItem,
  each,
  early = Math.max(1, rowsPerItem),
  before = 0,
}: ItemRows) => ({
  rowsPerItem: u32(Math.max(1, rowsPerItem)),
  vectorsPerItem: u32(each),
  earlyRows: u32(early),
  rowsBefore: u32(before),
});

/** `itemRow(row)`: the row of the table that goes with a row. */
export const itemRowWGSL = /* wgsl */ `
fn itemRow(row: u32) -> u32 {
  let at = row + u.rowsBefore;
  return at / u.rowsPerItem * u.vectorsPerItem + u32(at % u.rowsPerItem >= u.earlyRows);
}
`;
