// Streams of tensors: latents frame by frame, and one stream as another. Not here: the coding between them (pieces.ts).

import { scope, slice, Tensor } from '@moviegen/tensor';

/** Latents that need not lie on the device as a whole. */
export interface LatentParts {
  /** [B, C, T, H, W] */
  readonly shape: readonly number[];
  /** Latent frames `start` up to `end`, exclusive, as a new tensor, which is released once it is decoded. */
  part(start: number, end: number): Tensor;
}

/** Each tensor of a stream as something else; the tensor is released, and what comes out is the caller's. */
export async function* each<T>(stream: AsyncIterable<Tensor>, change: (x: Tensor) => T): AsyncGenerator<T> {
  for await (const x of stream) {
    let changed: T;
    try {
      changed = scope(x.device, () => change(x));
    } finally {
      x.dispose();
    }
    yield changed;
  }
}

/** Latent frames, one at a time. */
export async function* latentFrames(latents: Tensor | LatentParts): AsyncGenerator<Tensor> {
  const parts = latents instanceof Tensor ? partsOf(latents) : latents;
  for (let t = 0; t < parts.shape[2]!; t++) yield parts.part(t, t + 1);
}

const partsOf = (latents: Tensor): LatentParts => ({
  shape: latents.shape,
  part(start, end) {
    const [B, C] = latents.shape as [number, number];
    return slice(latents, { start: [0, 0, start], end: [B, C, end] });
  },
});
