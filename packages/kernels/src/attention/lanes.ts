// Attention for adapters with small subgroups (software adapters). Each lane owns four whole queries. Keys and values
// are read once per subgroup: lane l reads numbers l, l + lanes, ... of a row, and in round s works on the numbers of
// lane l ^ s, which an exchange brings (as in ../matmul/registerTile.ts). So each lane holds its queries and results
// in its own order of numbers. Each lane computes its softmax alone. Nothing goes through workgroup memory.

import { type DType, type Kernel, type Target, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { enableWGSL, exchanged, fromF32, type LaneExchange, lanesOf, toF32, unroll } from '../wgsl.ts';
import { attentionBindings, attentionUniforms, biasWGSL, keyRangeWGSL, lowest } from './parts.ts';
import type { AttentionShape } from './shape.ts';

const queries = 4;
/** Keys per step. Two are as fast as four, and their text is shorter and compiles faster. */
const keys = 2;
/** For larger heads the text takes seconds to compile. */
const largestHead = 128;

/** Whether this kernel can serve the shape on this adapter. */
export const attentionLanesFits = ({ D, valueSize }: AttentionShape, target: Target): boolean =>
  lanesOf(target) > 0 && D <= largestHead && valueSize === D;

/** Whether the work is worth the compilation, which grows with the head size. */
export const attentionLanesPays = ({ batch, heads, N, M, D }: AttentionShape): boolean =>
  D <= 64 || batch * heads * N * M >= 2 ** 18;

/** Bindings: q, k, v, [keyLengths], [bias], out. */
export function attentionLanesKernel(shape: AttentionShape, dtype: DType, target: Target): Kernel {
  const { batch, heads, N, D } = shape;
  const lanes = lanesOf(target);
  const exchange: LaneExchange = lanes === 4 ? 'quad' : 'shuffle';
  const tilesN = Math.ceil(N / (queries * lanes));
  const tiles = batch * heads * tilesN;
  const { bindings, declarations, extra } = attentionBindings(shape, dtype);
  const uniforms = uniformBlock(bindings.length, {
    ...attentionUniforms(shape),
    tilesN: u32(tilesN),
    tiles: u32(tiles),
  });
  const shares = Math.ceil(D / lanes);
  const vectors = (shares * lanes) / 4;
  const each = Array.from({ length: keys }, (_, m) => m);

  /** The numbers of a row that this lane reads, as `s0` ...; zero beyond the head. */
  const readShares = (name: 'k' | 'v', m: number) =>
    unroll(shares, (i) => {
      const number = toF32(dtype, `${name}[${name}${m} + ${i * lanes}u]`);
      const ragged = (i + 1) * lanes > D;
      return `      let s${i} = ${ragged ? `select(0.0, ${number}, lane < ${D - i * lanes}u)` : number};`;
    });
  /** Numbers 4j .. 4j + 3 of a row, in this lane's order. */
  const vector = (j: number) => {
    const numbers = [0, 1, 2, 3].map((e) => {
      const at = 4 * j + e;
      return exchanged(exchange, `s${Math.floor(at / lanes)}`, at % lanes);
    });
    return `vec4f(${numbers.join(', ')})`;
  };
  const scores = (m: number) => `    {
${readShares('k', m)}
${unroll(vectors, (j) => `      let row${j} = ${vector(j)};`)}
${unroll(queries, (r) => {
  const dot = Array.from({ length: vectors }, (_, j) => `dot(qs[${r * vectors + j}], row${j})`);
  return `      score${r}[${m}] = ${dot.join(' + ')};`;
})}
    }`;
  const shareValues = (m: number) => `    ${unroll(vectors, (j) => `var value${m}_${j}: vec4f;`)}
    {
${readShares('v', m)}
${unroll(vectors, (j) => `      value${m}_${j} = ${vector(j)};`)}
    }`;
  const mix = (r: number) =>
    unroll(vectors, (j) => {
      const sum = each.map((m) => `weight${r}[${m}] * value${m}_${j}`).join(' + ');
      return `    os[${r * vectors + j}] = os[${r * vectors + j}] * fade${r} + ${sum};`;
    });
  const biasAt = (r: number, m: number) => biasWGSL(shape, dtype, `query(first${r})`, `at[${m}]`);
  const softmax = (r: number) => `
    ${shape.bias ? `score${r} += vec2f(${each.map((m) => biasAt(r, m)).join(', ')});` : ''}
    let seen${r} = position < vec2<u32>(end${r});
    score${r} = select(vec2f(${lowest}), score${r}, seen${r});
    let next${r} = max(largest${r}, max(score${r}.x, score${r}.y));
    let fade${r} = exp(largest${r} - next${r});
    let weight${r} = select(vec2f(), exp(score${r} - next${r}), seen${r});
    largest${r} = next${r};
    total${r} = total${r} * fade${r} + dot(weight${r}, vec2f(1.0));
${mix(r)}`;

  const code = /* wgsl */ `${enableWGSL(dtype, true)}
${declarations(`array<${dtype}>`)}
${uniforms.wgsl}${workgroupIndexWGSL}${keyRangeWGSL(shape)}
// Beyond the last query, the last one is used instead; its result is not stored a second time.
fn query(n: u32) -> u32 { return min(n, u.N - 1u); }

@compute @workgroup_size(${lanes}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let index = workgroupIndex(id, count);
  if (index >= u.tiles) { return; }
  let tile = index % u.tilesN * ${queries * lanes}u;
  let h = index / u.tilesN % u.H;
  let b = index / (u.tilesN * u.H);
  let keyColumn = h / u.sharing * u.D;
  let first0 = tile + lane * ${queries}u;
${unroll(queries - 1, (r) => `  let first${r + 1} = first0 + ${r + 1}u;`)}
  var qs: array<vec4f, ${queries * vectors}>;
  var os: array<vec4f, ${queries * vectors}>;
  for (var r = 0u; r < ${queries}u; r++) {
    let row = u.qStart + (b * u.N + query(first0 + r)) * u.qPitch + h * u.D;
    for (var j = 0u; j < ${vectors}u; j++) {
      let d = (vec4<u32>(4u * j) + vec4<u32>(0u, 1u, 2u, 3u)) ^ vec4<u32>(lane);
      let at = row + min(d, vec4<u32>(u.D - 1u));
      let numbers = vec4f(${[0, 1, 2, 3].map((e) => toF32(dtype, `q[at[${e}]]`)).join(', ')});
      qs[r * ${vectors}u + j] = u.scale * select(vec4f(), numbers, d < vec4<u32>(u.D));
    }
  }
${unroll(
  queries,
  (r) => `  let end${r} = keyEnd(b, query(first${r}));
  var largest${r} = ${lowest};
  var total${r} = 0.0;`,
)}
  // The last key that any query of the tile sees; reads beyond it repeat it and get weight 0.
  let keys = keyEnd(b, query(tile + ${queries * lanes - 1}u));
  for (var first = 0u; first < keys; first += ${keys}u) {
    let position = vec2<u32>(first) + vec2<u32>(${each.map((m) => `${m}u`).join(', ')});
    let at = min(position, vec2<u32>(keys - 1u));
${unroll(queries, (r) => `    var score${r}: vec2f;`)}
${each
  .map(
    (m) => `    let k${m} = u.kStart + (b * u.M + at[${m}]) * u.kPitch + keyColumn + lane;
    let v${m} = u.vStart + (b * u.M + at[${m}]) * u.vPitch + keyColumn + lane;`,
  )
  .join('\n')}
${each.map(scores).join('\n')}
${each.map(shareValues).join('\n')}
${unroll(queries, softmax)}
  }
  let totals = array<f32, ${queries}>(${Array.from({ length: queries }, (_, r) => `total${r}`).join(', ')});
  for (var r = 0u; r < ${queries}u; r++) {
    if (first0 + r >= u.N) { break; }
    let total = totals[r];
    let share = select(1.0 / total, 0.0, total == 0.0);
    let row = (b * u.N + first0 + r) * u.H * u.D + h * u.D;
    for (var at = 0u; at < ${shares * lanes}u; at++) {
      let d = at ^ lane;
      if (d >= u.D) { continue; }
      let value = os[r * ${vectors}u + at / 4u][at % 4u] * share;
      out[row + d] = ${fromF32(dtype, 'value')};
    }
  }
}
`;
  return {
    label: ['attention', dtype, `lanes ${D}`, ...extra].join(' '),
    code,
    bindings,
    uniforms: uniforms.bytes,
    workgroups: tiles,
  };
}
