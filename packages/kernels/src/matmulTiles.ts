// Which register tile serves which product on which adapter, by name. Measured on SwiftShader; the
// numbers stand in the bench's table.
import type { Target } from './kernel.ts';
import type { RegisterTile } from './matmulTile.ts';

/** Size of the subgroups of an adapter where all have the same, small one: that of a software adapter. */
export const lanesOf = ({ software, subgroups, subgroupSize: [min, max] }: Target): number =>
  software && subgroups && min === max && (min === 4 || min === 8) ? min : 0;

/** The register tiles that this adapter can run, by variant name. */
function registerTiles(target: Target): Readonly<Record<string, RegisterTile>> {
  const lanes = lanesOf(target);
  const plain = { exchange: 'none', lanes: target.software ? 4 : 16 } as const;
  const all = {
    'tile 8x2': { rows: 8, vectors: 2, ...plain },
    'tall 8x1': { rows: 8, vectors: 1, tall: true, ...plain },
  };
  if (!lanes) return all;
  const sharing = { lanes, exchange: lanes === 4 ? 'quad' : 'shuffle' } as const;
  return {
    'exchange 16x2': { rows: 16, vectors: 2, ...sharing },
    'exchange 16x1': { rows: 16, vectors: 1, ...sharing },
    'exchange 4x2': { rows: lanes, vectors: 2, ...sharing },
    ...all,
  };
}

/** The part of a product's shape that chooses its tile. */
export interface TileNeeds {
  readonly M: number;
  /** Columns, those of both factors where a result takes `pairs` of vectors. */
  readonly N: number;
  readonly pairs?: boolean;
}

/** Variant names for a product, best first. */
export function registerTileNames({ M, N, pairs = false }: TileNeeds, target: Target): string[] {
  const tiles = registerTiles(target);
  const lanes = lanesOf(target) || 4;
  const rating = (name: string): number => {
    if (name === 'tile 8x2') return 1;
    if (name === 'tall 8x1') return N <= 4 && M > 8 ? 9 : 0;
    if (name === 'exchange 4x2') return M <= 4 ? 8 : 2;
    if (name === 'exchange 16x2') return N > 4 * lanes ? 5 : 3;
    return 4;
  };
  return Object.keys(tiles)
    .filter((name) => !(pairs && tiles[name]!.vectors % 2))
    .sort((a, b) => rating(b) - rating(a));
}

/** The tile of a variant; an error that lists what there is where the adapter has none of that name. */
export function registerTileOf(op: string, variant: string, needs: TileNeeds, target: Target): RegisterTile {
  const names = registerTileNames(needs, target);
  const tile = registerTiles(target)[variant];
  if (tile && names.includes(variant)) return tile;
  throw new Error(`${op}: no variant "${variant}" on this adapter; it has ${names.join(', ')}`);
}
