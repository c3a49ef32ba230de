"""Jobs beyond text to video, as sampling: what is given beside the latents, where the flow starts, guidance in three branches,
going on. Spec sections 8 and 10. Not here: the transformer that is given more (`conditioned.py`).

Legend: B batch, C latent channels, T H W the latent.
"""

import numpy as np
import torch
from torch import Tensor

from . import flow
from .flow import Velocity


def placed(shape: tuple[int, ...], places: dict[int, Tensor]) -> Tensor:
    """Mask and latents `[B, 1 + C, T, H, W]`; `places`: latent frames `[B, C, H, W]` by their index."""
    B, C, T, H, W = shape
    given = torch.zeros(B, 1 + C, T, H, W, dtype=next(iter(places.values())).dtype)
    for k, latent in places.items():
        given[:, 0, k], given[:, 1:, k] = 1.0, latent
    return given


def with_copies(video: Tensor, factor: int = 8) -> Tensor:
    """`first_frame: exact`: copies of the first frame before a video `[B, 3, T', H', W']`, so that its first latent frame is of
    that picture alone. They are trained on, and dropped after decoding."""
    return torch.cat([video[:, :, :1].expand(-1, -1, factor - 1, -1, -1), video], dim=2)


def masked(latents: Tensor, mask: Tensor, factor: int = 8) -> Tensor:
    """Mask and latents of a video of which a part is kept. `mask` [T', H', W'] is 1 where pixels are kept; by area, a latent
    frame stands for `factor` frames, the last ones fewer."""
    B, C, T, H, W = latents.shape
    frames = torch.stack([part.mean(dim=0) for part in mask.split(factor)])  # [T, H', W']
    m = frames.reshape(T, H, factor, W, factor).mean(dim=(2, 4))
    m = m.expand(B, 1, T, H, W).to(latents.dtype)
    return torch.cat([m, m * latents], dim=1)


def guided_thrice(neither: Velocity, video: Velocity, both: Velocity, video_scale: float, scale: float) -> Velocity:
    """u = u(0, 0) + g_v (u(v, 0) - u(0, 0)) + g_i (u(v, i) - u(v, 0))."""

    def u(x: Tensor, t: float) -> Tensor:
        nothing, seen, asked = neither(x, t), video(x, t), both(x, t)
        return nothing + video_scale * (seen - nothing) + scale * (asked - seen)

    return u


def started(x1: Tensor, x0: Tensor, strength: float, times: list[float]) -> tuple[Tensor, list[float]]:
    """Where the flow starts for a video that is given (SDEdit), and the times that are left."""
    if strength == 1:
        return x0, times
    t0 = 1 - strength
    x = flow.path(x1, x0, torch.full((len(x0),), t0, dtype=x0.dtype))
    return x, [t0, *(t for t in times if t > t0)]


def without_seam(decoded, given, factor: int = 8):
    """u8 videos [B, T', H', W', 3] of numpy: the given frames as they are, and what decoding loses of the last of them fading
    over the next `factor` frames, so that its loss does not begin at once."""
    K = given.shape[1]
    video = decoded.astype(np.float64)
    lost = given[:, -1].astype(np.float64) - video[:, K - 1]
    for i in range(min(factor, video.shape[1] - K)):
        video[:, K + i] += lost * (1 - (i + 1) / (factor + 1))
    video = np.round(np.clip(video, 0, 255)).astype(np.uint8)
    video[:, :K] = given
    return video
