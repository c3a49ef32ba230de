// The shortcuts without weights around the levels of Wan 2.2 (diffusers: `AvgDown3D`, `DupUp3D`). Both see a cell of ft x fs x fs
// positions as ft fs^2 channels of one position, in the order channel, time, row, column.
//
// Legend: B batch, T H W frames, height, width, C channels. All values are [B, T, H, W, C].

import { mean, pad, permute, slice, type Tensor, upsampleNearest } from '@moviegen/tensor';

/** Positions of a cell along T, and along H and W. */
export interface Cell {
  readonly time: 1 | 2;
  readonly space: 1 | 2;
}

/**
 * Each cell's values averaged to `channels` channels, a run of neighbours each. Frames of zeros come before the first where a cell
 * lacks some.
 */
export function averageDown(x: Tensor, { time, space }: Cell, channels: number): Tensor {
  const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
  const missing = (time - (T % time)) % time;
  const padded =
    missing === 0
      ? x
      : pad(x, {
          pads: [
            [0, 0],
            [missing, 0],
            [0, 0],
            [0, 0],
            [0, 0],
          ],
        });
  const [t, h, w] = [(T + missing) / time, H / space, W / space];
  const cells = permute(padded.reshape([B * t, time, h, space, w, space, C]), [0, 2, 4, 6, 1, 3, 5]);
  const runs = cells.reshape([B, t, h, w, channels, (C * time * space * space) / channels]);
  return mean(runs, { axes: [5] });
}

/**
 * Each channel repeated so often that `channels` channels fill the cells of positions that one becomes.
 * @param skip frames that are left out at the start.
 */
export function repeatUp(x: Tensor, { time, space }: Cell, channels: number, skip: number): Tensor {
  const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
  const times = (channels * time * space * space) / C;
  const repeated = upsampleNearest(x.reshape([B * T * H * W, C, 1]), {
    scale: [times],
    layout: 'channels-last',
  });
  const cells = repeated.reshape([B * T, H, W, channels, time, space, space]);
  const up = permute(cells, [0, 4, 1, 5, 2, 6, 3]).reshape([B, T * time, H * space, W * space, channels]);
  return skip === 0 ? up : slice(up, { start: [0, skip], end: [B, T * time] });
}
