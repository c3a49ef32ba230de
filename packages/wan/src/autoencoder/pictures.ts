// Pictures between the layout of videos and the coders' own: channels last and, in Wan 2.2, patches of pixels as channels, in the
// order colour, column, row.
//
// Legend: B batch, T H W frames, height, width, p patch size.

import { permute, type Tensor } from '@moviegen/tensor';

/** [B, C, T, H, W] to [B, T, H/p, W/p, C p p]; with p = 1 it only moves the channels. */
export function toPatches(x: Tensor, p: number): Tensor {
  const [B, C, T, H, W] = x.shape as [number, number, number, number, number];
  const cells = x.reshape([B, C, T, H / p, p, W / p, p]);
  return permute(cells, [0, 2, 3, 5, 1, 6, 4]).reshape([B, T, H / p, W / p, C * p * p]);
}

/** [B, T, h, w, C p p] to [B, C, T, h p, w p]. */
export function fromPatches(x: Tensor, p: number): Tensor {
  const [B, T, h, w, channels] = x.shape as [number, number, number, number, number];
  const C = channels / (p * p);
  const cells = x.reshape([B, T, h, w, C, p, p]);
  return permute(cells, [0, 4, 1, 2, 6, 3, 5]).reshape([B, C, T, h * p, w * p]);
}
