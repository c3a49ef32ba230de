"""Says how good an upscaled clip of shapes world is: the judge's verdict at the large size and at the small one, PSNR against the
true large clip, flicker. A video is u8 `[T, H, W, 3]`."""

import numpy as np

from . import upscale
from .judge import judge
from .judge_jobs import psnr


def flicker(video: np.ndarray) -> float:
    """Mean absolute second difference in time."""
    return float(np.abs(np.diff(video.astype(np.float64), n=2, axis=0)).mean())


def judge_upscale(video: np.ndarray, given: np.ndarray, enlarged: np.ndarray, sample: upscale.Sample) -> dict:
    """`given`: the small video, `enlarged`: it, by bilinear interpolation. `flicker` is over that of the true clip, and None
    where that stands still."""
    truth = upscale.draw_large(sample.facts, sample.offset)
    still = flicker(truth)
    return {
        "right": judge(video, sample.facts)["right"],
        "right_before": judge(given, sample.facts)["right"],
        "psnr": psnr(video, truth),
        "bilinear": psnr(enlarged, truth),
        "flicker": None if still < 1e-6 else flicker(video) / still,
    }
