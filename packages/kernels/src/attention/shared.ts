// Attention for GPUs: a workgroup owns 64 queries of a head and goes over the keys, 64 at a time. It brings q, k and v
// through workgroup memory in slabs, keeps the 64 x 64 scores there, and the results in registers. There are 16 x 16
// invocations. Invocation (laneX, laneY) owns four queries, from 4 laneY on; of the scores it owns four keys, from
// 4 laneX on; of the result it owns the vec4 columns laneX, laneX + 16, ... Results
// wider than registers hold go to several workgroups, a slice of the columns each; all of these compute the scores.

import { type DType, type Kernel, type Target, workgroupIndexWGSL } from '../kernel.ts';
import { enableWGSL, fromF32, storageArray, toF32, unroll } from '../wgsl.ts';
import { attentionTiling, biasWGSL, keyRangeWGSL, lowest } from './parts.ts';
import type { AttentionShape } from './shape.ts';

const tileSize = 64;
const size = 256;
/** Number of vec4 in a row of a slab of q or k, and from row to row: one more, to avoid bank conflicts. */
const depth = 4;
const pitch = depth + 1;
const slabVectors = 2 * tileSize * pitch;
const scorePitch = tileSize / 4 + 1;
/** The most columns of a result that the registers of a workgroup hold. */
const mostColumns = 512;

/** Bytes of workgroup memory. */
const bytes = 16 * (slabVectors + tileSize * scorePitch) + 4 * (size + 3 * tileSize);

/** Whether this kernel can serve the shape on this adapter. */
export const attentionSharedFits = ({ D, valueSize }: AttentionShape, target: Target): boolean =>
  valueSize === D && target.maxWorkgroupSize >= size && target.maxWorkgroupStorage >= bytes;

/** Bindings: q, k, v, [keyLengths], [bias], out. */
export function attentionSharedKernel(shape: AttentionShape, dtype: DType): Kernel {
  const { D } = shape;
  const { declarations, bindings, extra, workgroups, wide, uniforms } = attentionTiling(
    shape,
    dtype,
    tileSize,
  );
  const slices = Math.ceil(D / mostColumns);
  const vectors = Math.ceil(D / slices / tileSize);
  /** Number of keys in a slab of v. */
  const slabKeys = vectors <= 2 ? 16 : vectors <= 4 ? 8 : 4;
  const slabWidth = 16 * vectors;
  const firstColumn = slices > 1 ? 'firstColumn + ' : '';
  const storage = storageArray(dtype, wide);

  /** `read_q(row, at)`: vec4 `at` of a head, whose part of a row begins at number `row`; zero beyond the head. */
  const reader = (name: 'q' | 'k' | 'v') => {
    const number = (e: number) => {
      const inside = `at * 4u + ${e}u < u.D`;
      return `select(0.0, ${toF32(dtype, `${name}[row + min(at * 4u + ${e}u, u.D - 1u)]`)}, ${inside})`;
    };
    const value = wide
      ? toF32(dtype, `${name}[row / 4u + at]`, true)
      : `vec4f(${[0, 1, 2, 3].map(number).join(', ')})`;
    return `fn read_${name}(row: u32, at: u32) -> vec4f {
  if (at >= u.D4) { return vec4f(); }
  return ${value};
}`;
  };
  const biasAt = (i: number, j: number) => biasWGSL(shape, dtype, `n${i}`, `min(key + ${j}u, u.M - 1u)`);
  const finishScores = (i: number) => `    {
      ${shape.bias ? `s${i} += vec4f(${[0, 1, 2, 3].map((j) => biasAt(i, j)).join(', ')});` : ''}
      let seen = vec4<u32>(key) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(keyEnd(b, n${i}));
      scores[(laneY * 4u + ${i}u) * ${scorePitch}u + laneX] = select(vec4f(${lowest}), s${i}, seen);
    }`;
  const mix = (e: number) => `          {
${unroll(vectors, (j) => `            let v${j} = slab[(k * 4u + ${e}u) * ${slabWidth}u + laneX + ${16 * j}u];`)}
${unroll(4, (i) => unroll(vectors, (j) => `            o${i}_${j} += w${i}[${e}] * v${j};`))}
          }`;
  const storeVector = (i: number, j: number) => {
    const at = `${firstColumn}laneX + ${16 * j}u`;
    const value = `o${i}_${j} * share`;
    if (wide) return `    if (${at} < u.D4) { out[row / 4u + ${at}] = ${fromF32(dtype, value, true)}; }`;
    return `    for (var e = 0u; e < 4u; e++) {
      let d = (${at}) * 4u + e;
      if (d < u.D) { out[row + d] = ${fromF32(dtype, `(${value})[e]`)}; }
    }`;
  };
  const store = (i: number) => `  if (tile + laneY * 4u + ${i}u < u.N) {
    let sum = total[laneY * 4u + ${i}u];
    let share = select(1.0 / sum, 0.0, sum == 0.0);
    let row = ((b * u.N + n${i}) * u.H + h) * u.D;
${unroll(vectors, (j) => storeVector(i, j))}
  }`;

  const code = /* wgsl */ `${enableWGSL(dtype, false)}
${declarations(storage)}
${uniforms.wgsl}${workgroupIndexWGSL}${keyRangeWGSL(shape)}
${(['q', 'k', 'v'] as const).map(reader).join('\n')}
var<workgroup> slab: array<vec4f, ${slabVectors}>;
var<workgroup> scores: array<vec4f, ${tileSize * scorePitch}>;
var<workgroup> partial: array<f32, ${size}>;
var<workgroup> largest: array<f32, ${tileSize}>;
var<workgroup> total: array<f32, ${tileSize}>;
var<workgroup> fade: array<f32, ${tileSize}>;

@compute @workgroup_size(${size}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
${slices > 1 ? sliceWGSL(slices, slabWidth) : '  let index = workgroupIndex(id, count);\n  if (index >= u.tiles) { return; }'}
  let tile = index % u.tilesN * ${tileSize}u;
  let h = index / u.tilesN % u.H;
  let b = index / (u.tilesN * u.H);
  let keyColumn = h / u.sharing * u.D;
  let laneX = lane % 16u;
  let laneY = lane / 16u;
  // When loading, and in the softmax, four invocations share a row.
  let line = lane / 4u;
  let part = lane % 4u;
  let qRow = u.qStart + (b * u.N + min(tile + line, u.N - 1u)) * u.qPitch + h * u.D;
  let lineEnd = keyEnd(b, min(tile + line, u.N - 1u));
  if (part == 0u) { largest[line] = ${lowest}; total[line] = 0.0; }
${unroll(4, (i) => `  let n${i} = min(tile + laneY * 4u + ${i}u, u.N - 1u);`)}
${unroll(4, (i) => unroll(vectors, (j) => `  var o${i}_${j} = vec4f();`))}
  // The last key that any query of the tile sees; reads beyond it repeat it and get weight 0.
  let keys = keyEnd(b, min(tile + ${tileSize - 1}u, u.N - 1u));
  for (var first = 0u; first < keys; first += ${tileSize}u) {
    let kRow = u.kStart + (b * u.M + min(first + line, keys - 1u)) * u.kPitch + keyColumn;
${unroll(4, (i) => `    var s${i} = vec4f();`)}
    for (var d = 0u; d < u.D4; d += ${depth}u) {
      workgroupBarrier(); // all invocations have used the slab before it changes
      slab[line * ${pitch}u + part] = u.scale * read_q(qRow, d + part);
      // Key 4 x + j lies in row 16 j + x: neighbours then read without bank conflicts.
      slab[${tileSize * pitch}u + (line % 4u * 16u + line / 4u) * ${pitch}u + part] = read_k(kRow, d + part);
      workgroupBarrier(); // the slab is complete before it is used
      for (var c = 0u; c < ${depth}u; c++) {
${unroll(4, (j) => `        let k${j} = slab[${tileSize * pitch}u + (${16 * j}u + laneX) * ${pitch}u + c];`)}
${unroll(
  4,
  (i) => `        let q${i} = slab[(laneY * 4u + ${i}u) * ${pitch}u + c];
        s${i} += vec4f(dot(q${i}, k0), dot(q${i}, k1), dot(q${i}, k2), dot(q${i}, k3));`,
)}
      }
    }
    let key = first + laneX * 4u;
${unroll(4, finishScores)}
    workgroupBarrier(); // the scores are complete
    var most = ${lowest};
    for (var c = 0u; c < 4u; c++) {
      let s = scores[line * ${scorePitch}u + part * 4u + c];
      most = max(most, max(max(s.x, s.y), max(s.z, s.w)));
    }
    partial[lane] = most;
    workgroupBarrier(); // the four maxima of a row are written
    let before = largest[line];
    let at = line * 4u;
    let next = max(before, max(max(partial[at], partial[at + 1u]), max(partial[at + 2u], partial[at + 3u])));
    var sum = 0.0;
    for (var c = 0u; c < 4u; c++) {
      let place = line * ${scorePitch}u + part * 4u + c;
      let position = vec4<u32>(first + (part * 4u + c) * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
      let weight = select(vec4f(), exp(scores[place] - next), position < vec4<u32>(lineEnd));
      scores[place] = weight;
      sum += dot(weight, vec4f(1.0));
    }
    workgroupBarrier(); // all invocations have read the maxima before they change
    partial[lane] = sum;
    if (part == 0u) { largest[line] = next; fade[line] = exp(before - next); }
    workgroupBarrier(); // the four sums of a row are written
    if (part == 0u) {
      total[line] = total[line] * fade[line] + partial[at] + partial[at + 1u] + partial[at + 2u] + partial[at + 3u];
    }
${unroll(4, (i) => `    let fade${i} = fade[laneY * 4u + ${i}u];`)}
${unroll(4, (i) => unroll(vectors, (j) => `    o${i}_${j} *= fade${i};`))}
    for (var done = 0u; done < min(${tileSize}u, keys - first); done += ${slabKeys}u) {
      workgroupBarrier(); // all invocations have used the slab before it changes
      for (var place = lane; place < ${slabKeys * slabWidth}u; place += ${size}u) {
        let m = min(first + done + place / ${slabWidth}u, keys - 1u);
        slab[place] = read_v(u.vStart + (b * u.M + m) * u.vPitch + keyColumn, ${firstColumn}place % ${slabWidth}u);
      }
      workgroupBarrier(); // the slab is complete before it is used
      for (var k = 0u; k < ${slabKeys / 4}u; k++) {
${unroll(4, (i) => `        let w${i} = scores[(laneY * 4u + ${i}u) * ${scorePitch}u + done / 4u + k];`)}
${unroll(4, mix)}
      }
    }
  }
  workgroupBarrier(); // the totals are written
${unroll(4, store)}
}
`;
  return {
    label: ['attention', dtype, 'shared', ...extra].join(' '),
    code,
    bindings,
    uniforms: uniforms.bytes,
    workgroups: workgroups * slices,
  };
}

/** `index` of the tile, and the vec4 column at which the workgroup's slice of the result begins. */
const sliceWGSL = (slices: number, width: number): string => `  let unit = workgroupIndex(id, count);
  if (unit >= u.tiles * ${slices}u) { return; }
  let index = unit % u.tiles;
  let firstColumn = unit / u.tiles * ${width}u;`;
