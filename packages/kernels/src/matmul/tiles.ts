// Which tile serves which product on which adapter, by name: one interface to register, workgroup and matrix tiles.
// For software adapters the order was measured on SwiftShader; for GPUs it follows from the sizes.
import type { DType, Target } from '../kernel.ts';
import { lanesOf, type SubgroupUse } from '../wgsl.ts';
import { type MatrixTile, matrixConfig, matrixLayout, matrixTileWGSL } from './matrixTile.ts';
import type { Product } from './product.ts';
import { type RegisterTile, registerTileWGSL } from './registerTile.ts';
import { type SharedTile, sharedBytes, sharedTileWGSL } from './sharedTile.ts';

/** The part of a product's shape that chooses its tile. */
export interface TileNeeds {
  readonly M: number;
  /** Number of columns; with `pairs`, the columns of both factors together. */
  readonly N: number;
  /** Depth of the product; with several taps, the depth of one tap. */
  readonly K: number;
  /** Type of A and of the result. */
  readonly dtype: DType;
  /** A result takes two vectors (SwiGLU). */
  readonly pairs?: boolean;
  /** A or B is more expensive to read than plain rows and a packed weight are: prefer wide tiles. */
  readonly costly?: boolean;
}

/** A tile as the ops use it. */
export interface Tiling {
  /** Which subgroup features its text uses. */
  readonly subgroups: SubgroupUse;
  /** Number of tiles along M and along N for a product of `M` rows and `vectors` vec4 columns. */
  count(M: number, vectors: number): { readonly tilesM: number; readonly tilesN: number };
  wgsl(product: Product): string;
}

function register(tile: RegisterTile): Tiling & { readonly vectors: number } {
  const { rows, vectors, lanes, tall } = tile;
  return {
    vectors,
    subgroups: tile.exchange !== 'none',
    count: (M, columns) => ({
      tilesM: Math.ceil(M / (rows * (tall ? lanes : 1))),
      tilesN: Math.ceil(columns / (vectors * (tall ? 1 : lanes))),
    }),
    wgsl: (product) => registerTileWGSL(tile, product),
  };
}

function shared(tile: SharedTile): Tiling & { readonly vectors: number } {
  const { rows, vectors, across, down } = tile;
  return {
    vectors,
    subgroups: false,
    count: (M, columns) => ({
      tilesM: Math.ceil(M / (rows * down)),
      tilesN: Math.ceil(columns / (vectors * across)),
    }),
    wgsl: (product) => sharedTileWGSL(tile, product),
  };
}

function matrix(tile: MatrixTile): Tiling & { readonly vectors: number } {
  const { height, width } = matrixLayout(tile);
  return {
    vectors: width / 4,
    subgroups: 'matrices',
    count: (M, columns) => ({
      tilesM: Math.ceil(M / height),
      tilesN: Math.ceil((4 * columns) / width),
    }),
    wgsl: (product) => matrixTileWGSL(tile, product),
  };
}

/**
 * Matrix tiles by name: the part of the result that one subgroup covers, and the number of subgroups down and across.
 * Only software adapters use the smallest tile: they need a minute to compile a larger one.
 */
const matrixTiles = {
  'matrix 16x16': { each: [16, 8], down: 1, across: 2 },
  'matrix 32x32': { each: [16, 16], down: 2, across: 2 },
  'matrix 64x64': { each: [32, 32], down: 2, across: 2 },
  'matrix 128x128': { each: [64, 64], down: 2, across: 2 },
  'matrix 256x128': { each: [64, 64], down: 4, across: 2 },
} as const;

/** The matrix tiles that this adapter can run, with the deepest slabs that fit its workgroup memory. */
export function matrixTilesOf(target: Target): ReadonlyMap<string, MatrixTile> {
  const config = matrixConfig(target);
  const found = new Map<string, MatrixTile>();
  if (!config) return found;
  for (const [name, { each, down, across }] of Object.entries(matrixTiles)) {
    if (target.software !== (name === 'matrix 16x16')) continue;
    const [m, n, k] = [config.M, config.N, config.K];
    if (each[0] % m || each[1] % n) continue;
    const subgroup = target.subgroupSize[0];
    const parts = { m, n, k, rows: each[0] / m, columns: each[1] / n, down, across, subgroup };
    const tile = (target.software ? [16] : [32, 16])
      .map((slab): MatrixTile => ({ ...parts, slab }))
      .find((one) => matrixLayout(one).bytes <= target.maxWorkgroupStorage);
    if (tile && down * across * subgroup <= target.maxWorkgroupSize) found.set(name, tile);
  }
  return found;
}

/** Workgroup tiles by name. They are slow on software adapters, which still keep one so that tests without a GPU run it. */
const sharedTiles: Readonly<Record<string, SharedTile>> = {
  'shared 64x64': { rows: 4, vectors: 2, across: 8, down: 16 },
  'shared 128x128': { rows: 8, vectors: 2, across: 16, down: 16 },
};

/** Every tile that this adapter can run, by variant name. Matrix tiles need f16 and a depth that is a multiple of 4. */
function tilings(target: Target, { dtype, K }: TileNeeds): ReadonlyMap<string, ReturnType<typeof register>> {
  const lanes = lanesOf(target);
  const plain = { exchange: 'none', lanes: target.software ? 4 : 16 } as const;
  const all = new Map([
    ['tile 8x2', register({ rows: 8, vectors: 2, ...plain })],
    ['tall 8x1', register({ rows: 8, vectors: 1, tall: true, ...plain })],
  ]);
  for (const [name, tile] of Object.entries(sharedTiles)) {
    const { across, down } = tile;
    const fits = across * down <= target.maxWorkgroupSize && sharedBytes(tile) <= target.maxWorkgroupStorage;
    if (fits && !(target.software && name !== 'shared 64x64')) all.set(name, shared(tile));
  }
  if (dtype === 'f16' && K % 4 === 0) {
    for (const [name, tile] of matrixTilesOf(target)) all.set(name, matrix(tile));
  }
  if (!lanes) return all;
  const sharing = { lanes, exchange: lanes === 4 ? 'quad' : 'shuffle' } as const;
  all.set('exchange 16x2', register({ rows: 16, vectors: 2, ...sharing }));
  all.set('exchange 16x1', register({ rows: 16, vectors: 1, ...sharing }));
  // More accumulators than this gain nothing. SwiftShader has 4 lanes, llvmpipe 8.
  const tallest = { rows: 32, vectors: lanes === 4 ? 2 : 1 };
  all.set(`exchange 32x${tallest.vectors}`, register({ ...tallest, ...sharing }));
  all.set('exchange 4x2', register({ rows: lanes, vectors: 2, ...sharing }));
  return all;
}

/** How well a variant suits the product; higher is better. */
function rating(name: string, { M, N, K, costly = false }: TileNeeds, target: Target): number {
  const narrow = N <= 4 && M > 8;
  if (target.software) {
    const order = ['matrix 16x16', 'shared 64x64', 'tall 8x1', 'tile 8x2', 'exchange 4x2'];
    if (name === 'tall 8x1' && narrow) return 9;
    if (name === 'exchange 4x2' && M <= 4) return 8;
    // Its text is longer and takes a tenth of a second more to compile, so use it only for large products.
    if (name.startsWith('exchange 32'))
      return M >= 32 && N > 32 && M * N * Math.max(K, 64) >= 2 ** 27 ? 7.5 : 4.5;
    if (name === 'exchange 16x1') return 6;
    if (name === 'exchange 16x2') return costly && lanesOf(target) === 4 && N > 16 ? 7 : 5;
    return order.indexOf(name);
  }
  if (name.startsWith('matrix')) return matrixRating(name, M, N, K);
  if (name === 'shared 128x128') return M >= 512 && N >= 512 ? 5 : 2;
  if (name === 'shared 64x64') return 4;
  return name === 'tall 8x1' && narrow ? 6 : 1;
}

/** Tensor cores are the fastest if they are at least half busy. A larger tile is better if it still fills the whole GPU. */
function matrixRating(name: string, M: number, N: number, K: number): number {
  if (M < 32 || N < 32 || K < 16) return 0;
  const tiles = (height: number, width: number) => Math.ceil(M / height) * Math.ceil(N / width);
  if (name === 'matrix 32x32') return tiles(64, 64) < 32 ? 8.5 : 6;
  if (name === 'matrix 64x64') return 8;
  if (name === 'matrix 128x128') return tiles(128, 128) >= 96 ? 9 : 7;
  return tiles(256, 128) >= 4096 ? 8.5 : 5.5;
}

/** Variant names for a product, best first. */
export function tilingNames(needs: TileNeeds, target: Target): string[] {
  return [...tilings(target, needs)]
    .filter(([, { vectors }]) => !(needs.pairs && vectors % 2))
    .map(([name]) => name)
    .sort((a, b) => rating(b, needs, target) - rating(a, needs, target));
}

/** The tiling of a variant. @throws if the adapter has no variant of that name; the error lists those it has. */
export function tilingOf(op: string, variant: string, needs: TileNeeds, target: Target): Tiling {
  const names = tilingNames(needs, target);
  const tiling = tilings(target, needs).get(variant);
  if (tiling && names.includes(variant)) return tiling;
  throw new Error(`${op}: no variant "${variant}" on this adapter; it has ${names.join(', ')}`);
}
