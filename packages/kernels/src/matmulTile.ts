// Register tiles: the text of any kernel that is a matrix product at heart (matmul, linear, swiglu,
// conv). It owns the loops and the accumulators; the op says how A and B are read and how a result is
// finished. No workgroup memory and no barrier: the shape for adapters where those cost.
//
// An invocation owns `rows` rows by `vectors` vec4 of columns of the product; `lanes` invocations stand
// side by side along N. With `subgroup` the lanes share the loads of A: lane l reads rows l, l + lanes,
// ... and every lane gets them by broadcast.

/** How a product is spread over invocations. */
export interface RegisterTile {
  readonly rows: number;
  readonly vectors: number;
  readonly lanes: number;
  readonly subgroup: boolean;
}

/** How an op reads its factors and finishes its product. All members are WGSL fragments. */
export interface Product {
  /** `enable` lines stand first, then bindings, uniforms and functions. */
  readonly declarations: string;
  /** How many k a step covers: 4 where A is read as vec4 along k. */
  readonly step: 1 | 4;
  /** Before the rows: what all of them share. */
  readonly beforeRows?: string;
  /** Once a row `i` that this lane reads; `row{i}` (a `u32` below `u.M`) and `batch` are known. */
  readonly rowSetup: (i: number) => string;
  /** Encloses the loop over k: a loop over a window's taps, with what each row needs at a tap. */
  readonly openTaps: (rows: readonly number[]) => string;
  readonly closeTaps: string;
  /** Steps of the loop over `k`. */
  readonly steps: string;
  /** Row `i` of A at step `k`: an `f32`, or a `vec4f` along k. */
  readonly loadA: (i: number) => string;
  /** Before the loop: where B's columns of this lane begin, from `column` (in vec4) and `batch`. */
  readonly startB: string;
  /** Vector `j` of B at the `e`-th k of a step. */
  readonly loadB: (j: number, e: number) => string;
  /** Once a step, before and after the `loadB`. */
  readonly prepareB: (vectors: number) => string;
  readonly advanceB: string;
  /** Vectors of the result that `vectors` accumulators make (swiglu makes one of two). */
  readonly results: number;
  /** Result `j` of the row whose accumulators are `c[0] ..`: a `vec4f`, before `store`. */
  readonly result: (j: number, c: readonly string[]) => string;
  /** A statement storing `value` at `row`, vec4 column `at`; bounds are checked by the caller. */
  readonly store: string;
}

/** `text(0)`, `text(1)` ... one a line. */
export const unroll = (count: number, text: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => text(i)).join('\n');

/** The whole text of a kernel over register tiles. Uniforms `M`, `tilesM`, `tilesN`, `tiles`, `columns` are the op's to declare. */
export function registerTileWGSL(tile: RegisterTile, product: Product): string {
  const { rows, vectors, lanes, subgroup } = tile;
  const { step, results } = product;
  const loads = subgroup ? rows / lanes : rows;
  const loaded = Array.from({ length: loads }, (_, i) => i);
  const lane = subgroup ? '@builtin(subgroup_invocation_id)' : '@builtin(local_invocation_index)';
  const element = (i: number, e: number) => (step === 4 ? `a${i}[${e}]` : `a${i}`);
  const multiply = (row: number, value: string) =>
    `{ let a = ${value}; ${unroll(vectors, (j) => `c${row}_${j} += a * b${j};`)} }`;
  const rowsOf = (i: number, e: number) =>
    subgroup
      ? unroll(lanes, (l) => multiply(i * lanes + l, `subgroupBroadcast(${element(i, e)}, ${l}u)`))
      : multiply(i, element(i, e));
  const accumulators = unroll(rows, (i) => unroll(vectors, (j) => `  var c${i}_${j} = vec4f();`));
  const rowSetups = loaded
    .map((i) => {
      const at = subgroup ? `firstRow + ${i * lanes}u + lane` : `firstRow + ${i}u`;
      return `  let row${i} = min(${at}, u.M - 1u);\n${product.rowSetup(i)}`;
    })
    .join('\n');
  const body = unroll(
    step,
    (e) => `      {
        ${unroll(vectors, (j) => `let b${j} = ${product.loadB(j, e)};`)}
        ${unroll(loads, (i) => rowsOf(i, e))}
      }`,
  );
  const gather = unroll(rows, (i) =>
    unroll(results, (j) => {
      const c = Array.from({ length: vectors }, (_, v) => `c${i}_${v}`);
      return `  results[${i * results + j}] = ${product.result(j, c)};`;
    }),
  );

  return /* wgsl */ `${product.declarations}
@compute @workgroup_size(${lanes}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  ${lane} lane: u32,
) {
  let index = workgroupIndex(id, count);
  if (index >= u.tiles) { return; }
  let batch = index / (u.tilesM * u.tilesN);
  let firstRow = index / u.tilesN % u.tilesM * ${rows}u;
  let column = (index % u.tilesN * ${lanes}u + lane) * ${vectors}u;
  ${product.beforeRows ?? ''}
${rowSetups}
${accumulators}
  ${product.startB}
  ${product.openTaps(loaded)}
    for (var k = 0u; k < ${product.steps}; k++) {
      ${loaded.map((i) => `let a${i} = ${product.loadA(i)};`).join('\n      ')}
      ${product.prepareB(vectors)}
${body}
      ${product.advanceB}
    }
  ${product.closeTaps}
  // The epilogue is a loop over an array, not unrolled: it is short beside the product, and compiles once.
  var results: array<vec4f, ${rows * results}>;
${gather}
  let firstAt = column / ${vectors / results}u;
  for (var i = 0u; i < ${rows}u; i++) {
    let row = firstRow + i;
    if (row >= u.M) { break; }
    for (var j = 0u; j < ${results}u; j++) {
      let at = firstAt + j;
      if (at >= u.columns) { break; }
      var value = results[i * ${results}u + j];
      ${product.store}
    }
  }
}
`;
}
