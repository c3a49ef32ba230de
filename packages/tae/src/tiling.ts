// Tiling (Movie Gen section 3.1.1): long videos in tiles of 32 frames (4 latent ones), in memory that is flat in their number.
// The encoder's tiles do not overlap; the decoder's do, by 16 frames (2 latent ones), blended linearly. Frames that are too
// large for the adapter's buffers are tiled in space too (grid.ts). The work is in encodeTiles.ts and decodeTiles.ts.

import type { GridOptions } from './grid.ts';

/** Sizes of tiles, in the latent's frames and pixels. The last one along an axis may be short. */
export interface TileOptions extends GridOptions {
  /** Latent frames of a tile. Default 4: 32 frames. */
  readonly tile?: number | undefined;
  /**
   * Latent frames that the decoder's tiles share. Default 2: 16 frames; 0 in an autoencoder whose frames do not see one
   * another, so that tiles agree anyway.
   */
  readonly overlap?: number | undefined;
}
