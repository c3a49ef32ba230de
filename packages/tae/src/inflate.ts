// Inflation (Movie Gen section 3.1.1): turns the weights of an image autoencoder into weights of a video autoencoder, which
// at first treats a video as a pile of images. `TAE.load` does not need an inflated file: it skips the identities that
// are written out here.

import { sizeOf } from '@moviegen/kernels';
import type { WeightSource } from '@moviegen/tensor';
import type { TAEConfig } from './config.ts';
import { currentSource } from './source.ts';
import { isTemporal, weightShapes } from './weights.ts';

/**
 * The weights of an image autoencoder, and beside them new weights of its temporal companions: convolutions are the identity
 * (centre tap 1, bias 0), temporal attention is a copy of spatial attention with an output projection of 0. Train from
 * these weights, or save them.
 * @throws Error where the source has temporal weights already.
 */
export function inflate(source: WeightSource, config: TAEConfig): WeightSource {
  const image = currentSource(source);
  if (image.temporal) throw new Error('tae.inflate: these weights are temporal already');
  const shapes = weightShapes({ ...config, temporal: true });
  const added = new Set(Object.keys(shapes).filter(isTemporal));
  const spatial = (name: string) => name.replace('temporal_attentions', 'attentions');
  const copied = (name: string) => /temporal_attentions\.\d+\.(group_norm|to_[qkv])\./.test(name);
  return {
    names: () => [...image.source.names(), ...added],
    shape: (name) => (added.has(name) ? shapes[name]! : image.source.shape(name)),
    dtype: (name) => (added.has(name) && !copied(name) ? 'F32' : image.source.dtype(spatial(name))),
    async read(name, options) {
      if (!added.has(name)) return image.source.read(name, options);
      if (copied(name)) return image.source.read(spatial(name), options);
      const values = new Float32Array(sizeOf(shapes[name]!));
      if (name.endsWith('.temporal.weight')) {
        const [O, I, taps] = shapes[name] as [number, number, number];
        for (let o = 0; o < O; o++) values[(o * I + o) * taps + 1] = 1;
      }
      return new Uint8Array(values.buffer);
    },
  };
}
