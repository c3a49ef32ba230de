// Attention on tensor cores, for f16. A subgroup owns the queries of one or two matrices: their q and their results
// stay in its registers. The workgroup brings keys, then values, through one slab of its memory, a tile at a time;
// the next tile is being read while the present one is multiplied.
//
// Scores go through workgroup memory, because single elements of a matrix cannot be reached; the lanes of a subgroup
// that share a row turn its scores into weights there. For the same reason the results are not scaled each time the
// largest score of a row grows, but only when it has grown by more than `slack`. Until then weights may exceed 1, up
// to exp(slack), which f16 can hold. The result is exact, because the sum of the weights grows by the same factor.

import { type Kernel, type Target, workgroupIndexWGSL } from '../kernel.ts';
import { enableWGSL, storageArray, unroll } from '../wgsl.ts';
import { resultsWGSL } from './matrixResults.ts';
import { slabWGSL } from './matrixSlab.ts';
import { attentionSpread, attentionTiles } from './matrixTiles.ts';
import { attentionTiling, biasWGSL, keyRangeWGSL, lowest } from './parts.ts';
import type { AttentionShape } from './shape.ts';

const slack = 8;

/** Whether this kernel can serve the shape on this adapter. */
export const attentionMatrixFits = ({ D, valueSize }: AttentionShape, target: Target): boolean =>
  valueSize === D && attentionTiles(D, target) !== undefined;

/** Bindings: q, k, v, [keyLengths], [bias], out; all f16. */
export function attentionMatrixKernel(shape: AttentionShape, target: Target): Kernel {
  const { D } = shape;
  const tiles = attentionTiles(D, target)!;
  const { n, k, rows, queries, keys, depth, pitch, units } = tiles;
  const { size, ownRows, sharing, deep, across, loads, left, right, result, row } = attentionSpread(tiles);
  const { declarations, bindings, extra, workgroups, wide, uniforms } = attentionTiling(
    shape,
    'f16',
    queries,
  );
  const { readers, read, write } = slabWGSL(tiles, wide);
  const results = resultsWGSL(tiles, wide);
  const columns = Array.from({ length: keys / 4 / sharing }, (_, c) => c);

  /** Scores of the tile: q k^T, keys as columns. */
  const score = (j: number) => `    {
      // The zeros must be explicit: without them Dawn does not start from zero in every turn of the loop.
${unroll(rows, (i) => `      var s${i} = ${result}();`)}
${unroll(
  deep,
  (d) => `      {
        let keysT = subgroupMatrixLoad<${right}, col_major>(&slab, ${j * n * pitch.slab + (d * k) / 4}u, ${pitch.slab}u);
${unroll(rows, (i) => `        s${i} = subgroupMatrixMultiplyAccumulate(q${i}_${d}, keysT, s${i});`)}
      }`,
)}
${unroll(rows, (i) => `      subgroupMatrixStore<row_major>(&scores, ${row(i)} * ${pitch.scores}u + ${(j * n) / 2}u, s${i}, ${pitch.scores}u);`)}
    }`;
  const biasAt = (e: number) => biasWGSL(shape, 'f16', 'n', `min(position.x + ${e}u, u.M - 1u)`);
  const scoreOf = (c: number) => `    let s${c} = scoresAt(line + (part + ${sharing * c}u) * 2u);
    let position${c} = vec4<u32>(first + (part + ${sharing * c}u) * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
    let seen${c} = position${c} < vec4<u32>(end);
    let score${c} = select(vec4f(${lowest}), s${c} * u.scale${
      shape.bias ? ` + biasAt(b, h, n, position${c})` : ''
    }, seen${c});`;
  const combine = (text: (s: number) => string) => unroll(Math.log2(sharing), (s) => `    ${text(2 ** s)}`);
  const mix = (j: number) => `    {
${unroll(
  keys / k,
  (s) => `      {
        let values = subgroupMatrixLoad<${right}, row_major>(&slab, ${s * k * pitch.slab + (j * n) / 4}u, ${pitch.slab}u);
${unroll(
  rows,
  (i) => `        o${i}_${j} = subgroupMatrixMultiplyAccumulate(p${i}_${s}, values, o${i}_${j});`,
)}
      }`,
)}
    }`;

  const code = /* wgsl */ `${enableWGSL('f16', 'matrices')}
${declarations(storageArray('f16', wide))}
${uniforms.wgsl}${workgroupIndexWGSL}${keyRangeWGSL(shape)}
${readers}
${
  shape.bias
    ? `fn biasAt(b: u32, h: u32, n: u32, position: vec4<u32>) -> vec4f {
  return vec4f(${[0, 1, 2, 3].map(biasAt).join(', ')});
}`
    : ''
}
// A unit holds four f16 or two f32.
var<workgroup> slab: array<vec2<u32>, ${units.slab}>;
var<workgroup> scores: array<vec2<u32>, ${units.scores}>;
var<workgroup> weights: array<vec2<u32>, ${units.weights}>;
/** The last turn in which the largest score of a row grew so much that the results must be scaled. */
var<workgroup> grown: atomic<u32>;
fn scoresAt(at: u32) -> vec4f {
  return vec4f(bitcast<vec2f>(scores[at]), bitcast<vec2f>(scores[at + 1u]));
}

@compute @workgroup_size(${size}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) subgroupLane: u32,
) {
  let index = workgroupIndex(id, count);
  if (index >= u.tiles) { return; }
  let tile = index % u.tilesN * ${queries}u;
  let h = index / u.tilesN % u.H;
  let b = index / (u.tilesN * u.H);
  let keyColumn = h / u.sharing * u.D;
  // In the softmax, ${sharing} lanes of a subgroup share a row.
  let ownRow = subgroup * ${ownRows}u + subgroupLane / ${sharing}u;
  let part = subgroupLane % ${sharing}u;
  let line = ownRow * ${pitch.scores}u;
  let n = min(tile + ownRow, u.N - 1u);
  let end = keyEnd(b, n);
  // The last key that any query of the tile sees.
  let keys = keyEnd(b, min(tile + ${queries - 1}u, u.N - 1u));
  for (var place = lane; place < ${(queries * depth) / 4}u; place += ${size}u) {
    let row = u.qStart + (b * u.N + min(tile + place / ${depth / 4}u, u.N - 1u)) * u.qPitch + h * u.D;
    slab[place / ${depth / 4}u * ${pitch.slab}u + place % ${depth / 4}u] = bitcast<vec2<u32>>(read_q(row, place % ${depth / 4}u));
  }
  workgroupBarrier(); // the queries are in the slab
${unroll(rows, (i) =>
  unroll(
    deep,
    (d) =>
      `  let q${i}_${d} = subgroupMatrixLoad<${left}, row_major>(&slab, ${row(i)} * ${pitch.slab}u + ${(d * k) / 4}u, ${pitch.slab}u);`,
  ),
)}
${unroll(rows, (i) => unroll(across, (j) => `  var o${i}_${j} = ${result}();`))}
${unroll(loads, (i) => `  var moving${i}: vec4<f16>;`)}
  var largest = ${lowest};
  var total = 0.0;
${read('k', '0u')}
  var turn = 0u;
  for (var first = 0u; first < keys; first += ${keys}u) {
    turn++;
    workgroupBarrier(); // all invocations have used the slab before it changes
${write}
    workgroupBarrier(); // the keys are in the slab
${read('v', 'first')}
${unroll(keys / n, score)}
    workgroupBarrier(); // the scores are complete, and all invocations have used the keys
${write}
${read('k', `(first + ${keys}u)`)}
${columns.map(scoreOf).join('\n')}
    var most = ${lowest};
${columns.map((c) => `    most = max(most, max(max(score${c}.x, score${c}.y), max(score${c}.z, score${c}.w)));`).join('\n')}
${combine((s) => `most = max(most, subgroupShuffleXor(most, ${s}u));`)}
    var fade = 1.0;
    if (most > largest + ${slack.toFixed(1)}) {
      fade = exp(largest - most);
      largest = most;
      atomicStore(&grown, turn);
    }
    var sum = 0.0;
${columns
  .map(
    (c) => `    {
      let weight = select(vec4f(), exp(score${c} - largest), seen${c});
      weights[ownRow * ${pitch.weights}u + part + ${sharing * c}u] = bitcast<vec2<u32>>(vec4<f16>(weight));
      sum += dot(weight, vec4f(1.0));
    }`,
  )
  .join('\n')}
${combine((s) => `sum += subgroupShuffleXor(sum, ${s}u);`)}
    total = total * fade + sum;
    // This read is also a barrier: after it the weights and the values are complete.
    if (workgroupUniformLoad(&grown) == turn && turn > 1u) {
${results.fade}
    }
${unroll(rows, (i) =>
  unroll(
    keys / k,
    (s) =>
      `    let p${i}_${s} = subgroupMatrixLoad<${left}, row_major>(&weights, ${row(i)} * ${pitch.weights}u + ${(s * k) / 4}u, ${pitch.weights}u);`,
  ),
)}
${unroll(across, mix)}
  }
  let share = select(1.0 / total, 0.0, total == 0.0);
${results.store}
}
`;
  return {
    label: ['attention', 'f16', `matrix ${depth}`, ...extra].join(' '),
    code,
    bindings,
    uniforms: uniforms.bytes,
    workgroups,
  };
}
