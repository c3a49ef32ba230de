"""The TAE's losses and measures as forward computations: Movie Gen section 3.1.1 and equation 1 (OPL).

Legend: B batch, C channels, T frames.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def sample_posterior(mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    return mean + torch.exp(0.5 * logvar) * noise


def reconstruction_loss(video: Tensor, target: Tensor) -> Tensor:
    """L1, the mean over all values."""
    return (video - target).abs().mean()


def kl_loss(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL to N(0, I): summed over a latent's values, the mean over B."""
    return 0.5 * (mean.square() + logvar.exp() - 1.0 - logvar).flatten(1).sum(1).mean()


def outlier_penalty_loss(z: Tensor, r: float = 3.0) -> Tensor:
    """OPL(X, r) = 1/(HW) sum_ij max(||X_ij - Mean(X)|| - r ||Std(X)||, 0) of a frame; the mean over B and T."""
    mean = z.mean(dim=(-2, -1), keepdim=True)                              # [B, C, T, 1, 1]
    std = (z - mean).square().mean(dim=(-2, -1), keepdim=True).sqrt()      # population; [B, C, T, 1, 1]
    distance = torch.linalg.vector_norm(z - mean, dim=1)                   # [B, T, H, W]
    radius = r * torch.linalg.vector_norm(std, dim=1)                      # [B, T, 1, 1]
    return F.relu(distance - radius).mean()


def psnr(video: Tensor, target: Tensor) -> Tensor:
    """In dB, of values in [-1, 1] (peak 2), over everything given."""
    return 10.0 * torch.log10(4.0 / (video - target).square().mean())
