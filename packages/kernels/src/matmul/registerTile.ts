// Register tiles: the text of any kernel that is a matrix product (matmul, linear, swiglu, conv). The tile owns the
// loops and the accumulators; the op says how A and B are read and how a result is finished (Product). It uses no
// workgroup memory and no barrier, for adapters where those are expensive.
//
// An invocation owns `rows` rows by `vectors` vec4 of columns; `lanes` invocations stand side by side along N.
// With `exchange`, each row of A is read by one lane only: lane l reads rows l, l + lanes, ... and in round s works
// on the row of lane l ^ s, which one exchange in the subgroup brings. So its accumulator i belongs to row i ^ l of
// the tile. On a software adapter a load costs far more than a multiplication, and a broadcast more than an exchange.
import { exchanged, type LaneExchange, unroll } from '../wgsl.ts';
import { type Product, storeWGSL, tapLoop } from './product.ts';

/** How a product is spread over invocations. */
export interface RegisterTile {
  readonly rows: number;
  readonly vectors: number;
  readonly lanes: number;
  /** The lanes stand one above the other along M, for products with few columns. Not together with `exchange`. */
  readonly tall?: boolean;
  readonly exchange: LaneExchange;
}

/**
 * The whole text of a kernel over register tiles. The product's uniforms must have `M`, `columns` (of
 * the result, in vec4), `tilesM`, `tilesN` and `tiles`.
 */
export function registerTileWGSL(tile: RegisterTile, product: Product): string {
  const { rows, vectors, lanes, tall } = tile;
  const shares = tile.exchange !== 'none';
  const loads = shares ? rows / lanes : rows;
  const loaded = Array.from({ length: loads }, (_, i) => i);
  const lane = shares ? '@builtin(subgroup_invocation_id)' : '@builtin(local_invocation_index)';
  const results = vectors / product.vectorsPerResult;
  const taps = tapLoop(product, loaded);

  const rowSetups = unroll(loads, (i) => {
    const at = shares ? `firstRow + ${i * lanes}u + lane` : `firstRow + ${i}u`;
    return `  let row${i} = min(${at}, u.M - 1u);\n  ${product.rowSetup(i)}`;
  });
  const dot = (j: number) =>
    product.step === 1
      ? `x * b${j}`
      : `x[0] * b${j}[0] + x[1] * b${j}[1] + x[2] * b${j}[2] + x[3] * b${j}[3]`;
  const multiply = (row: number, value: string) => `      {
        let x = ${value};
${unroll(vectors, (j) => `        c[${row * vectors + j}] = c[${row * vectors + j}] + ${dot(j)};`)}
      }`;
  const multiplyLoaded = (i: number) =>
    shares
      ? unroll(lanes, (s) => multiply(i * lanes + s, exchanged(tile.exchange, `a${i}`, s)))
      : multiply(i, `a${i}`);

  const storeRows = (begin: string, end: string, added: boolean) => `for (var i = ${begin}; i < ${end}; i++) {
      let row = firstRow + ${shares ? '(i ^ lane)' : 'i'};
      if (row >= u.M) { continue; }
      let first = i * ${vectors}u + j * ${product.vectorsPerResult}u;
      var value = ${product.result((v) => `c[first + ${v}u]`)};
      ${storeWGSL(product, added)}
    }`;
  // A software adapter runs both sides of an `if`, masked, but skips a loop of zero rounds: so each part has its own loop.
  const storing = product.adds
    ? `let added = select(0u, ${rows}u, ${product.adds.when});
    ${storeRows('0u', 'added', true)}
    ${storeRows('added', `${rows}u`, false)}`
    : storeRows('0u', `${rows}u`, false);

  return /* wgsl */ `${product.declarations}
@compute @workgroup_size(${lanes}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  ${lane} lane: u32,
) {
  let index = workgroupIndex(id, count);
  if (index >= u.tiles) { return; }
  let batch = index / (u.tilesM * u.tilesN);
  let tileM = index / u.tilesN % u.tilesM;
  let tileN = index % u.tilesN;
  let firstRow = ${tall ? `(tileM * ${lanes}u + lane)` : 'tileM'} * ${rows}u;
  let column = ${tall ? 'tileN' : `(tileN * ${lanes}u + lane)`} * ${vectors}u;
  ${product.setup}
${rowSetups}
  var c: array<vec4f, ${rows * vectors}>;
  ${taps.open}
    for (var k = 0u; k < ${product.depth}; k++) {
${unroll(loads, (i) => `      let a${i} = ${product.loadA(i, 'k')};`)}
${unroll(vectors, (j) => `      let b${j} = ${product.loadB('k', `(column + ${j}u)`)};`)}
${unroll(loads, multiplyLoaded)}
    }
  ${taps.close}
  // These loops are not unrolled: they take little time compared with the product, and the short text compiles fast.
  for (var j = 0u; j < ${results}u; j++) {
    let at = column / ${product.vectorsPerResult}u + j;
    if (at >= u.columns) { break; }
    ${product.column}
    ${storing}
  }
}
`;
}
