"""What the ablations measure: the judge's shares, SSIM, and a Frechet distance over features of a given TAE's encoder.

The Frechet distance is of our own features: not comparable with published FID.
"""

from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moviegen_reference import world
from moviegen_reference.judge import judge
from moviegen_reference.tae import TAE

PARTS = ("right", "colour", "shape", "motion", "background")


def verdict(pair: tuple[np.ndarray, dict]) -> dict:
    video, e = pair
    said = judge(video, world.Facts(e["colour"], e["shape"], e["motion"], e["background"], world.parse(e["prompt"]).size))
    return {part: said[part] for part in PARTS}


def judged(videos: np.ndarray, entries: list[dict], cores: int = 1) -> dict:
    """Shares 0 .. 1 by the judge of shapes world: `right` of trained and held-out triples, and the parts of all."""
    pairs = list(zip(videos, entries))
    if cores > 1:
        with ProcessPoolExecutor(cores) as pool:
            results = list(pool.map(verdict, pairs, chunksize=4))
    else:
        results = [verdict(pair) for pair in pairs]

    def share(part: str, held_out: bool | None = None) -> float:
        chosen = [r[part] for r, e in zip(results, entries) if held_out is None or e["held_out"] == held_out]
        return float(np.mean(chosen))

    return {"trained": share("right", False), "held_out": share("right", True)} | {part: share(part) for part in PARTS}


def ssim(video: Tensor, target: Tensor) -> Tensor:
    """Wang et al. 2004: Gaussian window of 11 x 11, sigma 1.5; frame by frame, of values in [-1, 1] (peak 2), over everything."""
    x, y = (v.float().transpose(1, 2).flatten(0, 1) for v in (video, target))                     # [(B T), 3, H, W]
    i = torch.arange(11, dtype=x.dtype, device=x.device) - 5
    g = torch.exp(-i.square() / (2 * 1.5**2))
    kernel = (g[:, None] * g / g.sum() ** 2).expand(x.shape[1], 1, 11, 11)
    mean = lambda a: F.conv2d(a, kernel, groups=a.shape[1])
    mx, my = mean(x), mean(y)
    xx, yy, xy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    return ((2 * mx * my + c1) * (2 * xy + c2) / ((mx * mx + my * my + c1) * (xx + yy + c2))).mean()


def latent_features(z: Tensor) -> Tensor:
    """`[B, C, T, H, W]` to `[(B T), 2 C]`: mean and standard deviation, over a latent frame's positions, of each channel."""
    z = z.transpose(1, 2).flatten(0, 1)                                                           # [(B T), C, H, W]
    return torch.cat([z.mean(dim=(2, 3)), z.std(dim=(2, 3))], dim=1)


@torch.no_grad()
def features(tae: TAE, video: Tensor) -> Tensor:
    return latent_features(torch.cat([tae.encode(v)[0].float() for v in video.split(8)]))


def frechet(a: Tensor, b: Tensor) -> float:
    """Of the Gaussians of two sets of features `[n, d]`: |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))."""
    a, b = a.double().cpu(), b.double().cpu()
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    values, vectors = torch.linalg.eigh(ca)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T                                      # C1^(1/2)
    cross = torch.linalg.eigvalsh(root @ cb @ root).clamp(min=0).sqrt().sum()                      # tr (C1 C2)^(1/2)
    return float((a.mean(0) - b.mean(0)).square().sum() + ca.trace() + cb.trace() - 2 * cross)
