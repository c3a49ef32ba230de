// The temporal autoencoder behind the interface that the pipeline uses.

import type { TAE } from '@moviegen/tae';
import type { VideoAutoencoder } from '../../generate/family.ts';

/** A TAE behind the pipeline's interface. The caller keeps the TAE. */
export function videoAutoencoder(tae: TAE): VideoAutoencoder {
  const { device, factor, config } = tae;
  return {
    device,
    factor,
    latentChannels: config.latentChannels,
    frames(latentFrames) {
      const most = latentFrames * (config.temporal ? factor : 1);
      return { least: config.temporal ? most - factor + 1 : most, most };
    },
    encodeTiled: (video, tiles) => tae.encodeTiled(video, tiles),
    decodeTiled: (latents, options) => tae.decodeTiled(latents, options),
  };
}
