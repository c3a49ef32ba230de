// Which register tile serves which product on which adapter, by name. Measured on SwiftShader; the
// numbers stand in the bench's table.

import type { Target } from './kernel.ts';
import type { RegisterTile } from './matmulTile.ts';

const plain = (rows: number, vectors: number, lanes: number): RegisterTile => ({
  rows,
  vectors,
  lanes,
  subgroup: false,
});

/** Size of the subgroups of an adapter where all have the same, small one: that of a software adapter. */
const lanesOf = ({ software, subgroups, subgroupSize: [min, max] }: Target): number =>
  software && subgroups && min === max && (min === 4 || min === 8) ? min : 0;

/** The register tiles that this adapter can run, by variant name. */
export function registerTiles(target: Target): Readonly<Record<string, RegisterTile>> {
  const lanes = lanesOf(target);
  const tiles: Record<string, RegisterTile> = { 'tile 8x2': plain(8, 2, target.software ? 4 : 16) };
  if (lanes) {
    tiles['subgroup 16x2'] = { rows: 16, vectors: 2, lanes, subgroup: true };
    tiles['subgroup 8x2'] = { rows: 8, vectors: 2, lanes, subgroup: true };
  }
  return tiles;
}

/** Variant names for a product of `M` rows, best first. */
export function registerTileNames(M: number, target: Target): string[] {
  const bySize = M <= 8 ? ['subgroup 8x2', 'subgroup 16x2'] : ['subgroup 16x2', 'subgroup 8x2'];
  const tiles = registerTiles(target);
  return [...bySize, 'tile 8x2'].filter((name) => name in tiles);
}

/** The tile of a variant; an error that lists what there is where the adapter has none of that name. */
export function registerTileOf(op: string, variant: string, target: Target): RegisterTile {
  const tiles = registerTiles(target);
  const tile = tiles[variant];
  if (!tile) {
    const names = Object.keys(tiles).join(', ');
    throw new Error(`${op}: no variant "${variant}" on this adapter; it has ${names}`);
  }
  return tile;
}
