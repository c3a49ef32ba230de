// Options of the commands that load only an autoencoder: encode and decode. Not here: what the commands do (commands/).

import type { TileOptions } from '@moviegen/tae';
import type { Command } from 'commander';
import type { Autoencoder } from '../autoencoder.ts';
import { InputError } from '../errors.ts';
import { withCheckpoint } from './common.ts';
import { integer } from './values.ts';

/** How frames are tiled, as the options say it. */
export interface TileFlags {
  readonly tileSize?: number;
  readonly tileOverlap?: number;
  readonly inflate?: boolean;
}

/** Adds the options of tiles, and the options of every command that loads a part of a checkpoint. */
export function withAutoencoder(command: Command): Command {
  return withCheckpoint(
    command
      .option(
        '--tile-size <pixels>',
        'tile frames in space (default: where the adapter’s buffers demand it)',
        integer,
      )
      .option(
        '--tile-overlap <pixels>',
        'how much neighbouring tiles share (default: a quarter of a tile)',
        integer,
      )
      .option(
        '--inflate',
        'with an image autoencoder: eight frames per latent frame (default: each frame on its own)',
      ),
  );
}

/** Sizes of tiles in pixels of the latent. @throws InputError */
export function tilesOf({ tileSize, tileOverlap }: TileFlags, { factor }: Autoencoder): TileOptions {
  const latent = (name: string, pixels: number | undefined, least: number): number | undefined => {
    if (pixels === undefined) return undefined;
    if (pixels % factor === 0 && pixels >= least) return pixels / factor;
    throw new InputError(`${name}: must be a multiple of ${factor} of at least ${least}, got ${pixels}`);
  };
  const tiles = {
    spatialTile: latent('tile-size', tileSize, factor),
    spatialOverlap: latent('tile-overlap', tileOverlap, 0),
  };
  if (tileOverlap !== undefined && (tileSize === undefined || tileOverlap >= tileSize))
    throw new InputError(
      `tile-overlap: must be below tile-size, got ${tileOverlap} and ${tileSize ?? 'none'}`,
    );
  return tiles;
}
