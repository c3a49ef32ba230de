// Workgroup tiles: the text of a matrix product kernel (product.ts) for GPUs. A workgroup reads a slab of A and a
// slab of B into its memory, as f32, and each invocation multiplies `rows` rows by `vectors` vec4 of columns from it.
//
// There are `across` x `down` invocations. Invocation (laneX, laneY) owns the rows from laneY * rows on, and the vec4
// columns laneX + j * across, which neighbours read without bank conflicts. If a result takes two vectors, it owns
// the columns laneX * vectors + j instead.
import { unroll } from '../wgsl.ts';
import { type Product, storeWGSL, tapLoop } from './product.ts';

/** How a product is spread over a workgroup. */
export interface SharedTile {
  readonly rows: number;
  readonly vectors: number;
  readonly across: number;
  readonly down: number;
}

/** How many k a slab covers. */
const slab = 16;

/** Bytes of workgroup memory that a tile needs. */
export const sharedBytes = ({ rows, vectors, across, down }: SharedTile): number =>
  4 * (down * rows * (slab + 4) + slab * across * vectors * 4);

/**
 * The whole text of a kernel over workgroup tiles. The product's uniforms must have `M`, `columns` (of
 * the result, in vec4), `tilesM`, `tilesN` and `tiles`.
 */
export function sharedTileWGSL(tile: SharedTile, product: Product): string {
  const { rows, vectors, across, down } = tile;
  const { step } = product;
  const size = across * down;
  const height = down * rows;
  const width = across * vectors;
  const steps = slab / step;
  const loads = Math.ceil((height * steps) / size);
  const loaded = Array.from({ length: loads }, (_, i) => i);
  const loadsOfB = Math.ceil((width * steps) / size);
  const results = vectors / product.vectorsPerResult;
  const pairs = product.vectorsPerResult === 2;
  const taps = tapLoop(product, loaded);
  // A row of the slab of A is one element longer than needed, to avoid bank conflicts.
  const pitch = steps + 1;

  const columnOf = (j: number) => (pairs ? `laneX * ${vectors}u + ${j}u` : `laneX + ${j * across}u`);
  const storeA = (i: number) => `      {
        let at = lane + ${i * size}u;
        if (at < ${height * steps}u) {
          var value = ${step === 4 ? 'vec4f()' : '0.0'};
          if (kA < ${product.depth}) { value = ${product.loadA(i, 'kA')}; }
          slabA[at / ${steps}u * ${pitch}u + at % ${steps}u] = value;
        }
      }`;
  const storeB = (i: number) => `      {
        let at = lane + ${i * size}u;
        let kB = first + at / ${width}u;
        if (at < ${width * steps}u) {
          var value = ${step === 4 ? 'mat4x4f()' : 'vec4f()'};
          if (kB < ${product.depth}) { value = ${product.loadB('kB', `(firstColumn + at % ${width}u)`)}; }
          ${
            step === 1
              ? 'slabB[at] = value;'
              : unroll(
                  4,
                  (e) => `slabB[(at / ${width}u * 4u + ${e}u) * ${width}u + at % ${width}u] = value[${e}];`,
                )
          }
        }
      }`;
  const multiply = (e: number) => `        {
${unroll(vectors, (j) => `          let b${j} = slabB[(k * ${step}u + ${e}u) * ${width}u + ${columnOf(j)}];`)}
${unroll(rows, (i) => unroll(vectors, (j) => `          c${i}_${j} += a${i}${step === 4 ? `[${e}]` : ''} * b${j};`))}
        }`;
  const finish = (i: number, j: number) => `  {
    let row = firstRow + laneY * ${rows}u + ${i}u;
    if (row < u.M) {
      var value = ${product.result((v) => `c${i}_${j * product.vectorsPerResult + v}`)};
      ${storeWGSL(product)}
    }
  }`;

  return /* wgsl */ `${product.declarations}
var<workgroup> slabA: array<${step === 4 ? 'vec4f' : 'f32'}, ${height * pitch}>;
var<workgroup> slabB: array<vec4f, ${slab * width}>;

@compute @workgroup_size(${size}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroupIndex(id, count);
  if (index >= u.tiles) { return; }
  let batch = index / (u.tilesM * u.tilesN);
  let firstRow = index / u.tilesN % u.tilesM * ${height}u;
  let firstColumn = index % u.tilesN * ${width}u;
  let laneX = lane % ${across}u;
  let laneY = lane / ${across}u;
  ${product.setup}
${unroll(loads, (i) => `  let row${i} = min(firstRow + (lane + ${i * size}u) / ${steps}u, u.M - 1u);\n  ${product.rowSetup(i)}`)}
${unroll(rows, (i) => unroll(vectors, (j) => `  var c${i}_${j} = vec4f();`))}
  ${taps.open}
    for (var first = 0u; first < ${product.depth}; first += ${steps}u) {
      let kA = first + lane % ${steps}u;
      workgroupBarrier(); // all invocations have used the slabs before they change
${unroll(loads, storeA)}
${unroll(loadsOfB, storeB)}
      workgroupBarrier(); // the slabs are complete before they are used
      for (var k = 0u; k < ${steps}u; k++) {
${unroll(rows, (i) => `        let a${i} = slabA[(laneY * ${rows}u + ${i}u) * ${pitch}u + k];`)}
${unroll(step, multiply)}
      }
    }
  ${taps.close}
${unroll(
  results,
  (j) => `  {
    let at = (firstColumn + ${columnOf(j * product.vectorsPerResult)}) / ${product.vectorsPerResult}u;
    if (at < u.columns) {
      ${product.column}
${unroll(rows, (i) => finish(i, j))}
    }
  }`,
)}
}
`;
}
