"""The TAE tile by tile: Movie Gen section 3.1.1, spec section 1.

Temporal tiles of 32 raw frames (4 latent); 16 (2) of overlap in the decoder, blended linearly. Spatial tiles, where asked
for, follow the same rule along height and width, in the encoder too, where means and log-variances are blended.
"""

import torch
from torch import Tensor

from .tae import TAE


def spans(length: int, size: int, overlap: int) -> list[slice]:
    """A tile begins at every `size - overlap`, the first that reaches the end is the last one, and may be short."""
    starts = [0]
    while starts[-1] + size < length:
        starts.append(starts[-1] + size - overlap)
    return [slice(start, min(start + size, length)) for start in starts]


def blended(tiles: list[Tensor], dim: int, n: int) -> Tensor:
    """Tiles in a row, each sharing n with the next: (1 - j/n) previous + (j/n) next, j = 0 .. n-1."""
    whole = tiles[0]
    shape = [n if i == dim else 1 for i in range(whole.ndim)]
    share = (torch.arange(n, dtype=whole.dtype, device=whole.device) / max(n, 1)).view(shape)
    for tile in tiles[1:]:
        kept = whole.shape[dim] - n
        mixed = (1 - share) * whole.narrow(dim, kept, n) + share * tile.narrow(dim, 0, n)
        whole = torch.cat([whole.narrow(dim, 0, kept), mixed, tile.narrow(dim, n, tile.shape[dim] - n)], dim)
    return whole


def over_space(run, x: Tensor, size: int | None, overlap: int, before: int, after: int) -> Tensor:
    """`run` on spatial tiles of x; `before` and `after` are pixels of x, and of the result, for one of the latent."""
    H, W = (n // before for n in x.shape[-2:])
    if size is None:
        return run(x)

    def part(row: slice, column: slice) -> Tensor:
        return x[..., row.start * before : row.stop * before, column.start * before : column.stop * before]

    rows = [
        blended([run(part(row, column)) for column in spans(W, size, overlap)], 4, overlap * after)
        for row in spans(H, size, overlap)
    ]
    return blended(rows, 3, overlap * after)


def encode_tiled(tae: TAE, video: Tensor, tile: int = 4, spatial_tile: int | None = None, spatial_overlap: int = 0):
    """Mean and log-variance. Temporal tiles do not overlap. Sizes of tiles are in the latent's frames and pixels."""

    def run(x: Tensor) -> Tensor:
        return torch.cat(tae.encode(x), dim=1)

    parts = [
        over_space(run, video[:, :, frames], spatial_tile, spatial_overlap, tae.factor, 1)
        for frames in spans(video.shape[2], tile * tae.factor, 0)
    ]
    return torch.cat(parts, dim=2).chunk(2, dim=1)


def decode_tiled(
    tae: TAE, z: Tensor, num_frames: int | None = None, tile: int = 4, overlap: int = 2,
    spatial_tile: int | None = None, spatial_overlap: int = 0,
) -> Tensor:
    parts = [
        over_space(tae.decode, z[:, :, frames], spatial_tile, spatial_overlap, 1, tae.factor)
        for frames in spans(z.shape[2], tile, overlap)
    ]
    return blended(parts, 2, overlap * tae.factor)[:, :, :num_frames]
