"""A perceptual loss of our own making, where no public network can be had: differences of Laplacian pyramids, frame by frame
and of the change between frames. A blurred edge costs at every level that it is missing from. Training only.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

KERNEL = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0


def blur(x: Tensor) -> Tensor:
    """Binomial, 5 x 5; x `[N, C, H, W]`."""
    k, C = KERNEL.to(x), x.shape[1]
    x = F.conv2d(F.pad(x, (2, 2, 0, 0), mode="replicate"), k.view(1, 1, 1, 5).expand(C, 1, 1, 5), groups=C)
    return F.conv2d(F.pad(x, (0, 0, 2, 2), mode="replicate"), k.view(1, 1, 5, 1).expand(C, 1, 5, 1), groups=C)


def pyramid_loss(video: Tensor, target: Tensor, levels: int = 3) -> Tensor:
    """L1 between the bands of two videos `[B, 3, T, H, W]`, the mean over bands."""
    difference = (video - target).transpose(1, 2).flatten(0, 1)            # linear, so one pyramid is enough
    total = difference.new_zeros(())
    for _ in range(levels):
        low = blur(difference)
        total = total + (difference - low).abs().mean()
        difference = low[..., ::2, ::2]
    return total / levels


def change_loss(video: Tensor, target: Tensor) -> Tensor:
    """L1 between the changes from frame to frame; 0 for an image."""
    if video.shape[2] == 1:
        return video.new_zeros(())
    return ((video - target).diff(dim=2)).abs().mean()
