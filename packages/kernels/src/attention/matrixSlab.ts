// Fragments of the attention on tensor cores (matrix.ts): how queries, keys and values go from storage, through
// registers, into the slab of workgroup memory.
import { unroll } from '../wgsl.ts';
import { type AttentionTiles, attentionSpread } from './matrixTiles.ts';

/** WGSL fragments that fill the slab; `wide`: rows are whole vec4s. */
export function slabWGSL(tiles: AttentionTiles, wide: boolean) {
  const { keys, depth, pitch } = tiles;
  const { size, loads } = attentionSpread(tiles);

  /** `read_q(row, at)`: vec4 `at` of a head, whose part of a row begins at number `row`; zero beyond the head. */
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
      const start = `u.${name}Start + (b * u.M + at) * u.${name}Pitch + keyColumn`;
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
  return { readers: (['q', 'k', 'v'] as const).map(reader).join('\n'), read, write };
}
