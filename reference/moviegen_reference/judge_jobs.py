"""Says whether a job of shapes world was done: the changed fact as asked, every other fact kept, the seam unseen. Rests on the
judge of a clip (`judge.py`)."""

import numpy as np

from . import jobs, world
from .judge import judge, look


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray | None = None) -> float:
    """Decibels of 8-bit values, over the pixels of a mask `[T, H, W]` where one is given."""
    squares = (a.astype(np.float64) - b.astype(np.float64)) ** 2
    mean = squares.mean() if where is None else squares[where].mean()
    return float(10 * np.log10(255**2 / max(mean, 1e-10)))


def shown(video: np.ndarray, facts: world.Facts | None, background: str) -> dict:
    """Whether a clip shows these facts, size included where the motion has none of its own; without facts, an empty
    background."""
    if facts is None:
        seen = look(video)
        empty = seen.colour is None or seen.measures.get("frames_seen", 0.0) < 0.2
        return {"right": seen.background == background and empty, "background": seen.background == background, "empty": empty}
    verdict = judge(video, facts)
    return verdict | {"right": verdict["right"] and verdict["size"] is not False}


def mask_of(facts: world.Facts | None, offset: tuple[float, float]) -> np.ndarray:
    """Where an object is, with a margin of three pixels: [T, H, W]."""
    if facts is None:
        return np.zeros((world.FRAMES, world.SIZE, world.SIZE), bool)
    centre, radius = world.path(facts.motion, facts.size)
    return np.stack([
        world.coverage(facts.shape, world.CENTRE + x + offset[0], world.CENTRE + y + offset[1], r + 3) > 0
        for (x, y), r in zip(centre, radius)
    ])


def judge_image(video: np.ndarray, sample: jobs.Sample) -> dict:
    verdict = judge(video, sample.after)
    return verdict | {"first_frame": psnr(video[0], jobs.given_clip(sample, "image")[0])}


def judge_extend(video: np.ndarray, sample: jobs.Sample) -> dict:
    """Of the whole video: its facts, and the object of the last 16 frames again; `seam` is the flicker where the given part
    ends over the flicker elsewhere."""
    verdict = judge(video, sample.after)
    end = look(video[-16:])
    same = end.colour == sample.after.colour and end.shape == sample.after.shape
    change = np.abs(np.diff(video.astype(np.float64), n=2, axis=0)).mean(axis=(1, 2, 3))  # [T - 2]; i is about frame i + 1
    at = np.zeros(len(change), bool)
    at[14:16] = True                                                       # frames 15 and 16
    return verdict | {"right": verdict["right"] and same, "end": same, "seam": float(change[at].mean() / max(change[~at].mean(), 1e-6))}


def judge_edit(video: np.ndarray, sample: jobs.Sample) -> dict:
    """`outside`: PSNR against the given clip where neither the old nor the new object is; none where the background changes."""
    verdict = shown(video, sample.after, sample.background)
    if sample.task == "background":
        return verdict
    outside = ~(mask_of(sample.before, sample.offset) | mask_of(sample.after, sample.offset))
    return verdict | {"outside": psnr(video, jobs.given_clip(sample, "edit"), outside)}


JUDGES = {"image": judge_image, "extend": judge_extend, "edit": judge_edit}
