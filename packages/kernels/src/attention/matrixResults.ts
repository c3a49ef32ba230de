// Fragments of the attention on tensor cores (matrix.ts): single elements of the result matrices cannot be reached, so
// the results go through the workgroup memory of the scores to be scaled, and at the end to be stored.
import { unroll } from '../wgsl.ts';
import { type AttentionTiles, attentionSpread } from './matrixTiles.ts';

/** WGSL fragments; `wide`: rows are whole vec4s. */
export function resultsWGSL(tiles: AttentionTiles, wide: boolean) {
  const { n, rows, keys, depth, pitch } = tiles;
  const { sharing, across, result, row } = attentionSpread(tiles);

  /** Brings the results through the memory of the scores, as many columns at a time as fit; `change` works on them there. */
  const through = (change: (block: number, count: number) => string, back: boolean) => {
    const blocks = Math.ceil(depth / keys);
    const matrices = (block: number) =>
      Array.from({ length: across }, (_, j) => j).filter((j) => Math.floor((j * n) / keys) === block);
    const place = (i: number, j: number, block: number) =>
      `${row(i)} * ${pitch.scores}u + ${(j * n - block * keys) / 2}u`;
    return unroll(
      blocks,
      (block) => `    workgroupBarrier(); // the previous contents have been used
${matrices(block)
  .map((j) =>
    unroll(
      rows,
      (i) =>
        `    subgroupMatrixStore<row_major>(&scores, ${place(i, j, block)}, o${i}_${j}, ${pitch.scores}u);`,
    ),
  )
  .join('\n')}
    workgroupBarrier(); // the results are in the memory
${change(block, matrices(block).length)}
${
  back
    ? `    workgroupBarrier(); // the results are changed
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
  return { fade: through(fadeRows, true), store: through(storeRows, false) };
}
