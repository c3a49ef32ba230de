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
  const plain = {
    'tile 8x2': { rows: 8, vectors: 2, lanes: target.software ? 4 : 16, exchange: 'none' },
  } as const;
  if (!lanes) return plain;
  const sharing = { lanes, exchange: lanes === 4 ? 'quad' : 'shuffle' } as const;
  return {
    'exchange 16x1': { rows: 16, vectors: 1, ...sharing },
    'exchange 16x2': { rows: 16, vectors: 2, ...sharing },
    'exchange 8x2': { rows: 8, vectors: 2, ...sharing },
    ...plain,
  };
}

/** Variant names for a product of `M` rows, best first; `pairs`: its results take two vectors each. */
export function registerTileNames(M: number, target: Target, pairs = false): string[] {
  const order = M <= 8 ? ['exchange 8x2', 'exchange 16x1'] : ['exchange 16x1', 'exchange 16x2'];
  const tiles = registerTiles(target);
  const names = [...(pairs ? ['exchange 16x2', 'exchange 8x2'] : order), 'tile 8x2'];
  return names.filter((name) => name in tiles);
}

/** The tile of a variant; an error that lists what there is where the adapter has none of that name. */
export function registerTileOf(op: string, variant: string, target: Target, pairs = false): RegisterTile {
  const tile = registerTiles(target)[variant];
  if (tile && !(pairs && tile.vectors % 2)) return tile;
  const names = registerTileNames(16, target, pairs).join(', ');
  throw new Error(`${op}: no variant "${variant}" on this adapter; it has ${names}`);
}
