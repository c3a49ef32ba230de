// Attention for adapters with small subgroups (software adapters). Each lane owns a few whole queries. Keys and values
// are read once per subgroup: lane l reads numbers l, l + lanes, ... of a row, and in round s works on the numbers of
// lane l ^ s, which an exchange brings (as in ../matmul/registerTile.ts). So each lane holds its queries and results
// in its own order of numbers. Each lane computes its softmax alone. Nothing goes through workgroup memory.
//
// On SwiftShader a store to a local variable costs as much as eight products, and what stands in vec4f is written to memory and
// read again: so numbers stand alone, and a result is stored once for all keys of a step.

import { type DType, type Kernel, type Target, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { enableWGSL, exchanged, fromF32, type LaneExchange, lanesOf, toF32, unroll } from '../wgsl.ts';
import { attentionBindings, attentionUniforms, biasWGSL, keyRangeWGSL, lowest } from './parts.ts';
import type { AttentionShape } from './shape.ts';

/** Queries of a lane, and keys per step. The longer text of `lanes 8x4` takes seconds more to compile. */
const tiles = { lanes: { queries: 4, keys: 2 }, 'lanes 8x4': { queries: 8, keys: 4 } };
type LanesVariant = keyof typeof tiles;
/** Whether a variant's name is one of these tiles. */
export const isLanesVariant = (variant: string): variant is LanesVariant => Object.hasOwn(tiles, variant);

/** For larger heads the text takes seconds to compile. */
const largestHead = 128;

/** The tiles that serve the shape on this adapter, best first. SwiftShader, whose lanes are four, gains by the larger one in long sequences. */
export function attentionLanesVariants(shape: AttentionShape, target: Target): LanesVariant[] {
  const { batch, heads, N, M, D, valueSize } = shape;
  const lanes = lanesOf(target);
  if (lanes === 0 || D > largestHead || valueSize !== D) return [];
  if (lanes !== 4 || D > 64) return ['lanes'];
  return batch * heads * N * M * D >= 2 ** 29 ? ['lanes 8x4', 'lanes'] : ['lanes', 'lanes 8x4'];
}

/** Whether the work is worth the compilation, which grows with the head size. */
export const attentionLanesPays = ({ batch, heads, N, M, D }: AttentionShape): boolean =>
  D <= 64 || batch * heads * N * M >= 2 ** 18;

/** Bindings: q, k, v, [keyLengths], [bias], out. */
export function attentionLanesKernel(
  shape: AttentionShape,
  dtype: DType,
  target: Target,
  variant: LanesVariant,
): Kernel {
  const { batch, heads, N, D } = shape;
  const lanes = lanesOf(target);
  const { queries, keys } = tiles[variant];
  const exchange: LaneExchange = lanes === 4 ? 'quad' : 'shuffle';
  const tilesN = Math.ceil(N / (queries * lanes));
  const workgroups = batch * heads * tilesN;
  const { bindings, declarations, extra } = attentionBindings(shape, dtype);
  const uniforms = uniformBlock(bindings.length, {
    ...attentionUniforms(shape),
    tilesN: u32(tilesN),
    tiles: u32(workgroups),
  });
  const shares = Math.ceil(D / lanes);
  const numbers = shares * lanes;

  /** The numbers of a row that this lane reads, as `k0_0` ...; zero beyond the head. */
  const readShares = (name: 'k' | 'v', m: number) =>
    unroll(shares, (i) => {
      const read = toF32(dtype, `${name}[${name}${m} + ${i * lanes}u]`);
      const ragged = (i + 1) * lanes > D;
      return `    let ${name}${m}_${i} = ${ragged ? `select(0.0, ${read}, lane < ${D - i * lanes}u)` : read};`;
    });
  /** Number `at` of a row in this lane's order. */
  const number = (name: 'k' | 'v', m: number, at: number) =>
    exchanged(exchange, `${name}${m}_${Math.floor(at / lanes)}`, at % lanes);
  const ofKeys = (text: (m: number) => string) => Array.from({ length: keys }, (_, m) => text(m));
  const scores = (m: number) => `${readShares('k', m)}
${unroll(
  numbers,
  (at) => `    let row${m}_${at} = ${number('k', m, at)};
${unroll(queries, (r) => `    let part${r}_${m}_${at} = ${at ? `part${r}_${m}_${at - 1} + ` : ''}qs[${r * numbers + at}] * row${m}_${at};`)}`,
)}`;
  const biasAt = (r: number, m: number) =>
    biasWGSL(shape, dtype, `query(first${r})`, `min(first + ${m}u, keys - 1u)`);
  const softmax = (r: number) => `
${unroll(keys, (m) => `    let score${r}_${m} = select(${lowest}, part${r}_${m}_${numbers - 1}${shape.bias ? ` + ${biasAt(r, m)}` : ''}, first + ${m}u < end${r});`)}
    let next${r} = ${ofKeys((m) => `score${r}_${m}`).reduce((most, score) => `max(${most}, ${score})`, `largest${r}`)};
    let fade${r} = exp(largest${r} - next${r});
${unroll(keys, (m) => `    let weight${r}_${m} = select(0.0, exp(score${r}_${m} - next${r}), first + ${m}u < end${r});`)}
    largest${r} = next${r};
    total${r} = total${r} * fade${r} + ${ofKeys((m) => `weight${r}_${m}`).join(' + ')};`;
  const mix = unroll(
    numbers,
    (at) => `${unroll(keys, (m) => `    let value${m}_${at} = ${number('v', m, at)};`)}
${unroll(queries, (r) => `    os[${r * numbers + at}] = os[${r * numbers + at}] * fade${r} + ${ofKeys((m) => `weight${r}_${m} * value${m}_${at}`).join(' + ')};`)}`,
  );

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
  var qs: array<f32, ${queries * numbers}>;
  var os: array<f32, ${queries * numbers}>;
  for (var r = 0u; r < ${queries}u; r++) {
    let row = u.qStart + (b * u.N + query(first0 + r)) * u.qPitch + h * u.D;
    for (var at = 0u; at < ${numbers}u; at++) {
      let d = at ^ lane;
      let number = ${toF32(dtype, 'q[row + min(d, u.D - 1u)]')};
      qs[r * ${numbers}u + at] = select(0.0, u.scale * number, d < u.D);
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
${unroll(
  keys,
  (m) => `    let at${m} = min(first + ${m}u, keys - 1u);
    let k${m} = u.kStart + (b * u.M + at${m}) * u.kPitch + keyColumn + lane;
    let v${m} = u.vStart + (b * u.M + at${m}) * u.vPitch + keyColumn + lane;`,
)}
${unroll(keys, scores)}
${unroll(queries, softmax)}
${unroll(keys, (m) => readShares('v', m))}
${mix}
  }
  let totals = array<f32, ${queries}>(${Array.from({ length: queries }, (_, r) => `total${r}`).join(', ')});
  for (var r = 0u; r < ${queries}u; r++) {
    if (first0 + r >= u.N) { break; }
    let total = totals[r];
    let share = select(1.0 / total, 0.0, total == 0.0);
    let row = (b * u.N + first0 + r) * u.H * u.D + h * u.D;
    for (var at = 0u; at < ${numbers}u; at++) {
      let d = at ^ lane;
      if (d >= u.D) { continue; }
      let value = os[r * ${numbers}u + at] * share;
      out[row + d] = ${fromF32(dtype, 'value')};
    }
  }
}
`;
  return {
    label: ['attention', dtype, `${variant} ${D}`, ...extra].join(' '),
    code,
    bindings,
    uniforms: uniforms.bytes,
    workgroups,
  };
}
