// What Wan's image models are given beside noise and text: the latents of pictures, where they are, and the states of CLIP's
// image tower. Computed once per call.
//
// Legend: C latent channels, T h w latent frames, height, width.

import { concat, keep, scope, scopeAsync, slice, Tensor } from '@moviegen/tensor';
import type { WanAutoencoder } from '@moviegen/wan';
import type { Given } from '../../generate/given.ts';
import type { GenerationRequest } from '../../generate/request.ts';
import { pixelsFromFrames, type VideoStream } from '../../video/frames.ts';
import { pictureOf } from '../imageTower.ts';

/** What a model is given of pictures. */
export interface GivenLatents {
  /** Channels beside the noise, [1, 4 + C, T, h, w]: the mask, then the latents. Of models with more channels in than out. */
  readonly beside?: Tensor;
  /** The first latent frame, [1, C, 1, h, w], which takes the place of the noise. Of models with a time per token. */
  readonly first?: Tensor;
  /** States of the image tower, [1 or 2, tokens, width]. */
  readonly image?: Tensor;
  dispose(): void;
}

/** Nothing: text to video. */
export const NOTHING: GivenLatents = { dispose() {} };

/** Frames between uploads of the grey that stands for what is not given. */
const GREY_PIECE = 4;

/**
 * The mask and the latents of the video that has the given pictures at its ends and mid-grey between, as models with more
 * channels in than out take them.
 */
export async function besideLatents(
  autoencoder: WanAutoencoder,
  given: Pick<Given, 'image' | 'lastImage'>,
  request: Pick<GenerationRequest, 'numFrames' | 'height' | 'width' | 'latentShape'>,
  signal?: AbortSignal,
): Promise<Tensor> {
  const [first, last] = [await pictureOf(given.image), await pictureOf(given.lastImage)];
  const pixels = { first: first && pixelsFromFrames(first), last: last && pixelsFromFrames(last) };
  return besidePixels(autoencoder, pixels, request, signal);
}

/** The same from pixels in -1 .. 1, [3, H, W]. */
export async function besidePixels(
  autoencoder: WanAutoencoder,
  { first, last }: Readonly<Record<'first' | 'last', Float32Array<ArrayBuffer> | undefined>>,
  {
    numFrames,
    height,
    width,
    latentShape: [, T, h, w],
  }: Pick<GenerationRequest, 'numFrames' | 'height' | 'width' | 'latentShape'>,
  signal?: AbortSignal,
): Promise<Tensor> {
  const { device } = autoencoder;
  const frame = (data: Float32Array<ArrayBuffer>) => Tensor.from(device, data, [1, 3, 1, height, width]);
  async function* video(): AsyncGenerator<Tensor> {
    const between = numFrames - 1 - (last ? 1 : 0);
    const pieces = [
      () => frame(first ?? new Float32Array(3 * height * width)),
      ...Array.from({ length: Math.ceil(between / GREY_PIECE) }, (_, i) => () => {
        const frames = Math.min(GREY_PIECE, between - i * GREY_PIECE);
        return Tensor.zeros(device, [1, 3, frames, height, width]);
      }),
      ...(last ? [() => frame(last)] : []),
    ];
    for (const make of pieces) {
      const piece = make();
      try {
        yield piece;
      } finally {
        piece.dispose();
      }
    }
  }
  return scopeAsync(device, async () => {
    const latents: Tensor[] = [];
    for await (const posterior of autoencoder.encodeTiled(video(), signal ? { signal } : {})) {
      latents.push(posterior.mode());
      posterior.mean.dispose();
      posterior.logvar.dispose();
    }
    const mask = Tensor.from(device, maskOf(first !== undefined, last !== undefined, T, h * w), [
      1,
      4,
      T,
      h,
      w,
    ]);
    return keep(concat([mask, concat(latents, { axis: 2 })], { axis: 1 }));
  });
}

/**
 * Whether each frame is given, [4, T, positions]: channel j of latent frame k from 1 on is frame 4k - 3 + j; the four channels of
 * latent frame 0 are frame 0.
 */
function maskOf(first: boolean, last: boolean, T: number, positions: number): Float32Array<ArrayBuffer> {
  const mask = new Float32Array(4 * T * positions);
  for (let j = 0; j < 4; j++) if (first) mask.fill(1, j * T * positions, (j * T + 1) * positions);
  if (last) mask.fill(1, (4 * T - 1) * positions);
  return mask;
}

/** The latents of a picture alone, [1, C, 1, h, w]. */
export async function firstLatent(autoencoder: WanAutoencoder, picture: VideoStream): Promise<Tensor> {
  const frames = (await pictureOf(picture))!;
  const [, H, W] = frames.shape;
  const { device } = autoencoder;
  return keep(
    scope(device, () => {
      const pixels = Tensor.from(device, pixelsFromFrames(frames), [1, 3, 1, H, W]);
      return autoencoder.encode(pixels).mode();
    }),
  );
}

/** Latents whose first frame is replaced, [B, C, T, h, w]. @param first [1, C, 1, h, w] */
export function withFirst(latents: Tensor, first: Tensor): Tensor {
  const [B, C, T] = latents.shape as [number, number, number];
  return scope(latents.device, () => {
    const all = repeated(first, B);
    if (T === 1) return concat([all], { axis: 2 });
    const rest = slice(latents, { start: [0, 0, 1], end: [B, C, T] });
    return concat([all, rest], { axis: 2 });
  });
}

/** One sample for all of a batch. */
export const repeated = (one: Tensor, batch: number): Tensor =>
  batch === 1 ? one : concat(new Array<Tensor>(batch).fill(one), { axis: 0 });
