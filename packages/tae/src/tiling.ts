// Tiling (Movie Gen section 3.1.1): a long video in tiles of 32 frames (4 latent frames), so that memory does not grow with its
// length. The encoder's tiles do not overlap; the decoder's overlap by 16 frames (2 latent frames), blended linearly.
// Frames too large for the adapter's buffers are tiled in space too (grid.ts). Here are the sizes only; the work is in
// encodeTiles.ts and decodeTiles.ts.

import type { GridOptions } from './grid.ts';

/** Sizes of tiles, in the latent's frames and pixels. The last tile along an axis may be short. */
export interface TileOptions extends GridOptions {
  /** Latent frames of a tile. Default 4: 32 frames. */
  readonly tile?: number | undefined;
  /**
   * Latent frames that the decoder's tiles share. Default 2: 16 frames; 0 in an autoencoder whose frames do not depend on one
   * another, because tiles agree there anyway.
   */
  readonly overlap?: number | undefined;
}
