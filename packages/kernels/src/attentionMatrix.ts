// Attention on tensor cores, for halves. A subgroup owns one or two matrices' height of queries, whole: their
// q and their results stay in its registers. The workgroup brings keys, then values, through one slab of its
// memory, a tile at a time; the next ones are on their way while the present ones are multiplied.
//
// Scores go through workgroup memory, where the lanes of a subgroup that share a row weigh them (single elements
// of a matrix cannot be reached otherwise). For the same reason results are not scaled whenever a row's
// largest score grows, but only when it has grown by more than `slack`: until then weights exceed 1, up to
// exp(slack), which halves hold. That is exact: the sum of the weights grows alike.
import { attentionTiling, keyRangeWGSL, lowest } from './attentionParts.ts';
import type { AttentionShape } from './attentionShape.ts';
import { type Kernel, type Target, workgroupIndexWGSL } from './kernel.ts';
import { matrixConfig } from './matmulMatrix.ts';
import { enableWGSL, storageArray } from './matmulStorage.ts';
import { unroll } from './matmulTile.ts';

const slack = 8;
const largestHead = 256;

/** How an attention is spread over a workgroup; places in its memory are in units of 8 bytes. */
export interface AttentionTiles {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly subgroup: number;
  readonly subgroups: number;
  /** Matrices of queries of a subgroup. */
  readonly rows: number;
  /** Queries of the workgroup. */
  readonly queries: number;
  /** Keys of a tile. */
  readonly keys: number;
  /** Size of a head, in whole matrices. */
  readonly depth: number;
  /** From row to row of the slab, the scores, the weights: two units longer than a row, against bank conflicts. */
  readonly pitch: { readonly slab: number; readonly scores: number; readonly weights: number };
  readonly units: { readonly slab: number; readonly scores: number; readonly weights: number };
}

/** The tiles for this head size with the most keys that fit; undefined where the adapter has no such matrices. */
export function attentionTiles(D: number, target: Target): AttentionTiles | undefined {
  const config = matrixConfig(target);
  if (!config || D > largestHead) return undefined;
  const { M: m, N: n, K: k } = config;
  const subgroup = target.subgroupSize[0];
  const subgroups = target.software ? 2 : 4;
  const rows = target.software ? 1 : 16 / m;
  if (subgroup % (rows * m) !== 0 || subgroups * subgroup > target.maxWorkgroupSize) return undefined;
  const queries = subgroups * rows * m;
  const whole = Math.max(n, k);
  const depth = Math.ceil(D / whole) * whole;
  for (const keys of target.software ? [16] : [64, 32, 16]) {
    const pitch = { slab: depth / 4 + 2, scores: keys / 2 + 2, weights: keys / 4 + 2 };
    const units = {
      slab: Math.max(keys, queries) * pitch.slab,
      scores: queries * pitch.scores,
      weights: queries * pitch.weights,
    };
    const bytes = 8 * (units.slab + units.scores + units.weights) + 4;
    if (keys % (4 * (subgroup / (rows * m))) !== 0 || bytes > target.maxWorkgroupStorage) continue;
    return { m, n, k, subgroup, subgroups, rows, queries, keys, depth, pitch, units };
  }
  return undefined;
}

/** Whether this kernel can serve the shape on this adapter. */
export const attentionMatrixFits = ({ D }: AttentionShape, target: Target): boolean =>
  attentionTiles(D, target) !== undefined;

/** Bindings: q, k, v, [keyLengths], [bias], out; all f16. */
export function attentionMatrixKernel(shape: AttentionShape, target: Target): Kernel {
  const { D } = shape;
  const tiles = attentionTiles(D, target)!;
  const { m, n, k, subgroup, subgroups, rows, queries, keys, depth, pitch, units } = tiles;
  const size = subgroups * subgroup;
  const ownRows = rows * m;
  /** Lanes that share a row of scores. */
  const sharing = subgroup / ownRows;
  const { declarations, bindings, extra, workgroups, wide, uniforms } = attentionTiling(
    shape,
    'f16',
    queries,
  );
  const left = `subgroup_matrix_left<f16, ${k}, ${m}>`;
  const right = `subgroup_matrix_right<f16, ${n}, ${k}>`;
  const result = `subgroup_matrix_result<f32, ${n}, ${m}>`;
  const [deep, across] = [depth / k, depth / n];
  const loads = Math.ceil((keys * depth) / 4 / size);
  const columns = Array.from({ length: keys / 4 / sharing }, (_, c) => c);
  const row = (i: number) => `(subgroup * ${ownRows}u + ${i * m}u)`;

  /** `read_q(row, at)`: vec4 `at` of the head's part of a row that begins at number `row`; zero beyond it. */
  const reader = (name: 'q' | 'k' | 'v') => {
    const number = (e: number) =>
      `select(0.0h, ${name}[row + min(at * 4u + ${e}u, u.D - 1u)], at * 4u + ${e}u < u.D)`;
    const value = wide ? `${name}[row / 4u + at]` : `vec4<f16>(${[0, 1, 2, 3].map(number).join(', ')})`;
    return `fn read_${name}(row: u32, at: u32) -> vec4<f16> {
  if (at >= u.D4) { return vec4<f16>(); }
  return ${value};
}`;
  };
  /** Reads a tile of keys or values into registers; zeros beyond the last key. */
  const read = (name: 'k' | 'v', first: string) =>
    unroll(loads, (i) => {
      const start = `u.${name}Start + (b * u.M + at) * u.${name}Pitch + h * u.D`;
      return `    {
      let place = lane + ${i * size}u;
      let at = ${first} + place / ${depth / 4}u;
      moving${i} = vec4<f16>();
      if (at < keys) { moving${i} = read_${name}(${start}, place % ${depth / 4}u); }
    }`;
    });
  const write = unroll(
    loads,
    (i) => `    {
      let place = lane + ${i * size}u;
      if (place < ${(keys * depth) / 4}u) {
        slab[place / ${depth / 4}u * ${pitch.slab}u + place % ${depth / 4}u] = bitcast<vec2<u32>>(moving${i});
      }
    }`,
  );
  /** Scores of the tile: q k^T, keys as columns. */
  const score = (j: number) => `    {
      // The zeros must be written out: without them Dawn does not start anew in every turn of the loop.
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
  const biasAt = (e: number) =>
    `f32(bias[b * u.biasBatch + h * u.biasHead + n * u.M + min(position.x + ${e}u, u.M - 1u)])`;
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
  /** Brings results through the memory of the scores, as many columns as it has: `change` in between. */
  const through = (change: (block: number, count: number) => string, back: boolean) => {
    const blocks = Math.ceil(depth / keys);
    const matrices = (block: number) =>
      Array.from({ length: across }, (_, j) => j).filter((j) => Math.floor((j * n) / keys) === block);
    const place = (i: number, j: number, block: number) =>
      `${row(i)} * ${pitch.scores}u + ${(j * n - block * keys) / 2}u`;
    return unroll(
      blocks,
      (block) => `    workgroupBarrier(); // what was there has been used
${matrices(block)
  .map((j) =>
    unroll(
      rows,
      (i) =>
        `    subgroupMatrixStore<row_major>(&scores, ${place(i, j, block)}, o${i}_${j}, ${pitch.scores}u);`,
    ),
  )
  .join('\n')}
    workgroupBarrier(); // the results are there
${change(block, matrices(block).length)}
${
  back
    ? `    workgroupBarrier(); // they are changed
${matrices(block)
  .map((j) =>
    unroll(
      rows,
      (i) =>
        `    o${i}_${j} = subgroupMatrixLoad<${result}, row_major>(&scores, ${place(i, j, block)}, ${pitch.scores}u);`,
    ),
  )
  .join('\n')}`
    : ''
}`,
    );
  };
  const fadeRows = () => `    for (var c = part; c < ${keys / 4}u; c += ${sharing}u) {
      let at = line + c * 2u;
      scores[at] = bitcast<vec2<u32>>(bitcast<vec2f>(scores[at]) * fade);
      scores[at + 1u] = bitcast<vec2<u32>>(bitcast<vec2f>(scores[at + 1u]) * fade);
    }`;
  const storeRows = (block: number) => `    for (var c = part; c < ${keys / 4}u; c += ${sharing}u) {
      let at = ${(block * keys) / 4}u + c;
      let value = vec4<f16>(scoresAt(line + c * 2u) * share);
      if (tile + ownRow >= u.N || at >= u.D4) { continue; }
      let to = ((b * u.N + n) * u.H + h) * u.D;
      ${
        wide
          ? 'out[to / 4u + at] = value;'
          : 'for (var e = 0u; e < min(4u, u.D - at * 4u); e++) { out[to + at * 4u + e] = value[e]; }'
      }
    }`;

  const code = /* wgsl */ `${enableWGSL('f16', 'matrices')}
${declarations(storageArray('f16', wide))}
${uniforms.wgsl}${workgroupIndexWGSL}${keyRangeWGSL(shape)}
${(['q', 'k', 'v'] as const).map(reader).join('\n')}
${
  shape.bias
    ? `fn biasAt(b: u32, h: u32, n: u32, position: vec4<u32>) -> vec4f {
  return vec4f(${[0, 1, 2, 3].map(biasAt).join(', ')});
}`
    : ''
}
// Four halves, or two f32, a unit.
var<workgroup> slab: array<vec2<u32>, ${units.slab}>;
var<workgroup> scores: array<vec2<u32>, ${units.scores}>;
var<workgroup> weights: array<vec2<u32>, ${units.weights}>;
/** The last turn in which a row's largest score grew so much that the results must be scaled. */
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
  // In the softmax, lanes ${sharing} ... of a subgroup share a row.
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
  workgroupBarrier(); // the queries are there
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
    workgroupBarrier(); // all have used the slab before it changes
${write}
    workgroupBarrier(); // the keys are there
${read('v', 'first')}
${unroll(keys / n, score)}
    workgroupBarrier(); // the scores are there, and all have used the keys
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
    // Waits for all: the weights and the values are there.
    if (workgroupUniformLoad(&grown) == turn && turn > 1u) {
${through(fadeRows, true)}
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
${through(storeRows, false)}
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
