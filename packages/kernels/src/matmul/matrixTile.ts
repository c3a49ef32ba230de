// Matrix tiles: the text of a matrix product kernel (product.ts) for adapters with tensor cores. Operands are f16,
// sums f32. A workgroup reads a slab of A and a slab of B into its memory, as f16, while it multiplies the
// previous slabs. Each subgroup holds `rows` x `columns` matrices of the result in registers.
//
// Single elements of these matrices cannot be reached. So at the end the results go through workgroup memory as
// f32, one row of matrices per subgroup at a time, and are finished and stored vec4 by vec4.

import type { SubgroupMatrixConfig, Target } from '../kernel.ts';
import { unroll } from '../wgsl.ts';
import { type Product, storeWGSL, tapsOf } from './product.ts';

/** How a product is spread over a workgroup of subgroups. */
export interface MatrixTile {
  /** One matrix: m x n of the result, k deep. */
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Number of result matrices that a subgroup holds, down and across. */
  readonly rows: number;
  readonly columns: number;
  /** Number of subgroups in the workgroup, down and across. */
  readonly down: number;
  readonly across: number;
  /** Number of invocations in a subgroup. */
  readonly subgroup: number;
  /** How many k a slab covers. */
  readonly slab: number;
}

/** Height of a band, in tiles: tiles that run at the same time then share rows of A and columns of B in the cache. */
const band = 16;

/**
 * The largest shape of f16 matrices with f32 sums that the adapter multiplies. Undefined if there is none, or if
 * the subgroup size is not known, because each subgroup's share of the work depends on it.
 */
export function matrixConfig({
  f16,
  subgroupMatrix,
  subgroupSize: [min, max],
}: Target): SubgroupMatrixConfig | undefined {
  if (!f16 || min !== max || min === 0) return undefined;
  return subgroupMatrix
    .filter(
      ({ componentType, resultComponentType }) => componentType === 'f16' && resultComponentType === 'f32',
    )
    .filter(({ M, N, K }) => [M, N, K].every((side) => side === 8 || side === 16))
    .sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K)[0];
}

/** Offsets in workgroup memory, in units of 8 bytes: four f16 of a slab, or two f32 of a result. */
export function matrixLayout({ m, n, rows, columns, down, across, slab }: MatrixTile) {
  const height = down * rows * m;
  const width = across * columns * n;
  // Two units more than a row needs, so that the rows of a matrix lie in different banks.
  const pitchA = slab / 4 + 2;
  const pitchB = width / 4 + 2;
  const pitchC = width / 2 + 2;
  const startB = height * pitchA;
  const buffer = startB + slab * pitchB;
  const units = Math.max(2 * buffer, down * m * pitchC);
  return { height, width, pitchA, pitchB, pitchC, startB, buffer, bytes: 8 * units, units };
}

/**
 * The whole text of a kernel over matrix tiles. The product's step must be 4; its uniforms must have `M`,
 * `columns` (of the result, in vec4), `tilesM`, `tilesN` and `tiles`.
 */
export function matrixTileWGSL(tile: MatrixTile, product: Product): string {
  const { m, n, k, rows, columns, down, across, subgroup, slab } = tile;
  const { height, width, pitchA, pitchB, pitchC, startB, buffer, units } = matrixLayout(tile);
  const size = down * across * subgroup;
  const steps = slab / 4;
  const loadsOfA = Math.ceil((height * steps) / size);
  const loadsOfB = Math.ceil((width * steps) / 4 / size);
  const loaded = Array.from({ length: loadsOfA }, (_, i) => i);
  const taps = tapsOf(product);
  const each = product.vectorsPerResult;
  const left = `subgroup_matrix_left<f16, ${k}, ${m}>`;
  const right = `subgroup_matrix_right<f16, ${n}, ${k}>`;
  const result = `subgroup_matrix_result<f32, ${n}, ${m}>`;
  const grid = (text: (i: number, j: number) => string) =>
    unroll(rows, (i) => unroll(columns, (j) => text(i, j)));

  const readA = (i: number) => `      a${i} = vec4<f16>();
      if (kA < ${product.depth}) { a${i} = vec4<f16>(${product.loadA(i, 'kA', true)}); }`;
  const writeA = (i: number) => `      {
        let at = lane + ${i * size}u;
        if (at < ${height * steps}u) {
          slabs[next + at / ${steps}u * ${pitchA}u + at % ${steps}u] = bitcast<vec2<u32>>(a${i});
        }
      }`;
  const placeB = (i: number) => `let at = lane + ${i * size}u;
        let step = at / ${width / 4}u;
        let column = at % ${width / 4}u;`;
  const readB = (i: number) => `      {
        ${placeB(i)}
        let kB = first + step;
        b${i} = mat4x4<f16>();
        if (step < ${steps}u && kB < ${product.depth}) {
          b${i} = mat4x4<f16>(${product.loadB('kB', '(firstColumn + column)', true)});
        }
      }`;
  const writeB = (i: number) => `      {
        ${placeB(i)}
        if (step < ${steps}u) {
${unroll(4, (e) => `          slabs[next + ${startB}u + (step * 4u + ${e}u) * ${pitchB}u + column] = bitcast<vec2<u32>>(b${i}[${e}]);`)}
        }
      }`;
  const multiply = (s: number) => `      {
${unroll(
  columns,
  (j) =>
    `        let right${j} = subgroupMatrixLoad<${right}, row_major>(&slabs, full + ${startB + s * k * pitchB + (j * n) / 4}u + ownColumn, ${pitchB}u);`,
)}
${unroll(
  rows,
  (
    i,
  ) => `        let left${i} = subgroupMatrixLoad<${left}, row_major>(&slabs, full + (ownRow + ${i * m}u) * ${pitchA}u + ${(s * k) / 4}u, ${pitchA}u);
${unroll(columns, (j) => `        c${i}_${j} = subgroupMatrixMultiplyAccumulate(left${i}, right${j}, c${i}_${j});`)}`,
)}
      }`;
  const stage = (i: number) => `    if (i == ${i}u) {
${unroll(
  columns,
  (j) =>
    `      subgroupMatrixStore<row_major>(&slabs, subgroup / ${across}u * ${m * pitchC}u + ownColumn * 2u + ${(j * n) / 2}u, c${i}_${j}, ${pitchC}u);`,
)}
    }`;
  const staged = (v: number) => {
    const at = `place / ${width / 4 / each}u * ${pitchC}u + place % ${width / 4 / each}u * ${2 * each}u + ${2 * v}u`;
    return `      let at${v} = ${at};
      let c${v} = vec4f(bitcast<vec2f>(slabs[at${v}]), bitcast<vec2f>(slabs[at${v} + 1u]));`;
  };

  return /* wgsl */ `${product.declarations}
var<workgroup> slabs: array<vec2<u32>, ${units}>;

@compute @workgroup_size(${size}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let index = workgroupIndex(id, count);
  if (index >= u.tiles) { return; }
  let batch = index / (u.tilesM * u.tilesN);
  // Tiles are taken column by column inside a band of ${band} rows of tiles.
  let inBatch = index % (u.tilesM * u.tilesN);
  let firstOfBand = inBatch / (${band}u * u.tilesN) * ${band}u;
  let rowsOfBand = min(${band}u, u.tilesM - firstOfBand);
  let inBand = inBatch - firstOfBand * u.tilesN;
  let firstRow = (firstOfBand + inBand % rowsOfBand) * ${height}u;
  let firstColumn = inBand / rowsOfBand * ${width / 4}u;
  let ownRow = subgroup / ${across}u * ${rows * m}u;
  let ownColumn = subgroup % ${across}u * ${(columns * n) / 4}u;
  ${product.setup}
${unroll(loadsOfA, (i) => `  let row${i} = min(firstRow + (lane + ${i * size}u) / ${steps}u, u.M - 1u);\n  ${product.rowSetup(i)}`)}
${unroll(loadsOfA, (i) => `  var a${i}: vec4<f16>;`)}
${unroll(loadsOfB, (i) => `  var b${i}: mat4x4<f16>;`)}
${grid((i, j) => `  var c${i}_${j} = ${result}();`)}
  let turnsOfTap = (${product.depth} + ${steps - 1}u) / ${steps}u;
  let turns = turnsOfTap * ${taps.count};
  // A turn reads the next slab from memory, multiplies the present slab, and writes the next slab over the
  // previous one: there are two buffers, so one barrier per turn is enough.
  for (var turn = 0u; turn <= turns; turn++) {
    if (turn < turns) {
      let tap = turn / turnsOfTap;
      let first = turn % turnsOfTap * ${steps}u;
      let kA = first + lane % ${steps}u;
      ${taps.setup(loaded)}
${unroll(loadsOfA, readA)}
${unroll(loadsOfB, readB)}
    }
    if (turn > 0u) {
      let full = (turn - 1u) % 2u * ${buffer}u;
${unroll(slab / k, multiply)}
    }
    if (turn < turns) {
      let next = turn % 2u * ${buffer}u;
${unroll(loadsOfA, writeA)}
${unroll(loadsOfB, writeB)}
    }
    workgroupBarrier(); // the next slab is complete, and all invocations have used the present one
  }
  for (var i = 0u; i < ${rows}u; i++) {
${unroll(rows, stage)}
    workgroupBarrier(); // row i of every subgroup's matrices is written
    for (var place = lane; place < ${(down * m * width) / 4 / each}u; place += ${size}u) {
      let line = place / ${width / 4 / each}u;
      let at = firstColumn / ${each}u + place % ${width / 4 / each}u;
      let row = firstRow + line / ${m}u * ${rows * m}u + i * ${m}u + line % ${m}u;
      if (at >= u.columns || row >= u.M) { continue; }
${unroll(each, staged)}
      ${product.column}
      var value = ${product.result((v) => `c${v}`)};
      ${storeWGSL(product)}
    }
    workgroupBarrier(); // all invocations have read it before the next row overwrites it
  }
}
`;
}
