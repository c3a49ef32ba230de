// The temporal autoencoder behind the interface that the pipeline uses.

import type { DiTConfig } from '@moviegen/dit';
import type { TAE } from '@moviegen/tae';
import { concat, scope, slice, type Tensor } from '@moviegen/tensor';
import type { VideoAutoencoder } from '../../generate/family.ts';

/**
 * A TAE behind the pipeline's interface. The caller keeps the TAE.
 * @param firstFrame `exact`: videos are encoded with copies of their first frame before them, so that the first latent frame is
 *   of it alone; what is decoded of them is dropped.
 */
export function videoAutoencoder(tae: TAE, firstFrame: DiTConfig['firstFrame'] = 'near'): VideoAutoencoder {
  const { device, factor, config } = tae;
  if (firstFrame === 'exact' && config.temporal) return exactAutoencoder(videoAutoencoder(tae));
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

/** The same for videos that begin with copies of their first frame. */
function exactAutoencoder(plain: VideoAutoencoder): VideoAutoencoder {
  const copies = plain.frames(1).most - 1;
  return {
    ...plain,
    frames(latentFrames) {
      const { least, most } = plain.frames(latentFrames);
      return { least: Math.max(1, least - copies), most: most - copies };
    },
    encodeTiled(video, tiles) {
      async function* withCopies(): AsyncGenerator<Tensor> {
        let first = true;
        for await (const piece of video) {
          if (first) {
            const held = scope(piece.device, () => {
              const frame = framesOf(piece, 0, 1);
              return concat(new Array<Tensor>(copies).fill(frame), { axis: 2 });
            });
            yield held;
            held.dispose();
          }
          first = false;
          yield piece;
        }
      }
      return plain.encodeTiled(withCopies(), tiles);
    },
    async *decodeTiled(latents, options) {
      const numFrames = options.numFrames === undefined ? undefined : options.numFrames + copies;
      let dropped = 0;
      for await (const piece of plain.decodeTiled(latents, { ...options, numFrames })) {
        const [, , count] = piece.shape as [number, number, number];
        const from = Math.min(count, copies - dropped);
        dropped += from;
        if (from === 0) yield piece;
        else {
          const rest = from < count ? framesOf(piece, from, count) : undefined;
          piece.dispose();
          if (rest) yield rest;
        }
      }
    },
  };
}

/** Frames `from` to `to` of [1, 3, n, H, W]. */
const framesOf = (video: Tensor, from: number, to: number): Tensor =>
  slice(video, {
    start: [0, 0, from, 0, 0],
    end: [...video.shape.slice(0, 2), to, ...video.shape.slice(3)],
  });
