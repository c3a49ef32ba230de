"""Says what a video of shapes world shows: background, colour, shape, motion and size, or no word (shapes-world.md).

numpy only, deterministic, no learning: it re-draws what it believes to see and compares. It knows nothing of the prompt
until `judge` compares words. Not here: reading files (`../judge.py`).

Legend: T frames, H W pixels, N pixels of the border. A video is u8 `[T, H, W, 3]`, of any T >= 2 and any H, W.

1. Background: the median of each channel over all border pixels of all frames; the nearest background word.
2. Object pixels: further than 45 (RGB distance) from the measured background.
3. Colour: the mean over inner pixels (object pixels whose four neighbours are object pixels too) of all frames; the
   nearest colour word.
4. Coverage: each pixel's share of the way from the background to that colour, 0 .. 1, and 0 for pixels neither in nor
   next to the object. Its sum is the area, its centre of mass the centre.
5. Shape: each word is drawn (4x4 samples) at that centre and area; overlap = sum min / sum max of the two coverages;
   the word with the largest mean overlap over the frames.
6. Motion: each word's path of (x, y, radius) is laid over the measured one, shifted by the mean difference of the
   centres, and by that of the radii where the motion has no radius of its own; the smallest root mean square distance.
   Of what has no shape word no motion word is said.
Below the floors of likeness (FLOORS) no word is given.
"""

from dataclasses import dataclass

import numpy as np

from . import world

OBJECT_DISTANCE = 45.0
FLOORS = {
    "background": 45.0,  # at most: distance of the measured background from the word's
    "border": 0.9,       # at least: share of border pixels within OBJECT_DISTANCE of the background
    "colour": 70.0,      # at most: distance of the measured colour from the word's
    "spread": 80.0,      # at most: root mean square distance of inner pixels from their mean
    "frames": 0.8,       # at least: share of frames in which an object is seen
    "area": 25.0,        # at least: pixels of area in a frame, for an object to be seen there
    "overlap": 0.70,     # at least: mean overlap with the word's drawing
    "path": 2.5,         # at most: root mean square distance from the word's path, in pixels of a 64 x 64 video
}


@dataclass(frozen=True)
class Verdict:
    """Words, or None where the likeness is too small; `measures` holds the numbers behind them."""

    background: str | None
    colour: str | None
    shape: str | None
    motion: str | None
    size: str | None
    measures: dict


def nearest(value: np.ndarray, words: dict) -> tuple[str, float]:
    distances = {word: float(np.linalg.norm(value - np.array(rgb))) for word, rgb in words.items()}
    word = min(distances, key=distances.get)
    return word, distances[word]


def neighbours(mask: np.ndarray, combine) -> np.ndarray:
    """`combine` (and: erode, or: dilate) of each pixel of `[T, H, W]` with its four neighbours; outside counts as itself."""
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)), mode="edge")
    sides = (padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:])
    for side in sides:
        mask = combine(mask, side)
    return mask


def look(video: np.ndarray) -> Verdict:
    """The words for a video `[T, H, W, 3]` u8."""
    T, H, W, _ = video.shape
    x = video.astype(np.float64)
    measures: dict = {}
    words = dict.fromkeys(("background", "colour", "shape", "motion", "size"))

    background, mask = find(x, words, measures)
    inner = neighbours(mask, np.logical_and)
    if not inner.any():
        return Verdict(**words, measures=measures)
    colour = x[inner].mean(axis=0)
    spread = float(np.sqrt(np.square(x[inner] - colour).sum(axis=1).mean()))
    word, distance = nearest(colour, world.COLOURS)
    measures |= {"colour_distance": distance, "colour_spread": spread}
    if distance <= FLOORS["colour"] and spread <= FLOORS["spread"]:
        words["colour"] = word

    cover = covered(x, mask, background, colour)
    area = cover.sum(axis=(1, 2))
    seen = np.flatnonzero(area >= FLOORS["area"] * (H * W) / world.SIZE**2)
    measures["frames_seen"] = len(seen) / T
    if len(seen) < max(2, FLOORS["frames"] * T):
        return Verdict(**words, measures=measures)
    cover, area = cover[seen], area[seen]
    cx, cy = centres(cover, area)

    overlaps = {shape: float(np.mean([
        overlap(cover[k], shape, cx[k], cy[k], float(np.sqrt(area[k] / world.AREA[shape]))) for k in range(len(seen))
    ])) for shape in world.SHAPES}
    shape = max(overlaps, key=overlaps.get)
    measures["overlap"] = overlaps[shape]
    if overlaps[shape] < FLOORS["overlap"]:
        return Verdict(**words, measures=measures)
    words["shape"] = shape

    scale = world.SIZE / W
    radius = np.sqrt(area / world.AREA[shape]) * scale
    centre = np.stack([cx, cy], axis=1) * scale
    errors = {motion: path_error(motion, seen, T, centre, radius) for motion in world.MOTIONS}
    motion = min(errors, key=errors.get)
    measures |= {"path_error": errors[motion], "radius": float(radius.mean())}
    if errors[motion] <= FLOORS["path"]:
        words["motion"] = motion
        if motion not in ("grows", "shrinks"):
            words["size"] = min(world.RADII, key=lambda size: abs(world.RADII[size] - measures["radius"]))
    return Verdict(**words, measures=measures)


def find(x: np.ndarray, words: dict, measures: dict) -> tuple[np.ndarray, np.ndarray]:
    """The background's colour `[3]` and the object's pixels `[T, H, W]` of a video in f64; notes the background's word."""
    border = np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], axis=1).reshape(-1, 3)          # [N, 3]
    background = np.median(border, axis=0)
    word, distance = nearest(background, world.BACKGROUNDS)
    plain = float((np.linalg.norm(border - background, axis=1) <= OBJECT_DISTANCE).mean())
    measures |= {"background_distance": distance, "border_plain": plain}
    if distance <= FLOORS["background"] and plain >= FLOORS["border"]:
        words["background"] = word
    return background, np.linalg.norm(x - background, axis=-1) > OBJECT_DISTANCE                          # [T, H, W]


def covered(x: np.ndarray, mask: np.ndarray, background: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Each pixel's share of the way from the background to the object's colour, 0 away from the object: `[T, H, W]`."""
    step = colour - background
    return np.clip((x - background) @ step / (step @ step), 0.0, 1.0) * neighbours(mask, np.logical_or)


def centres(cover: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres of mass in x and y of each frame."""
    _, H, W = cover.shape
    return (cover * np.arange(W)).sum(axis=(1, 2)) / area, (cover * np.arange(H)[:, None]).sum(axis=(1, 2)) / area


def overlap(cover: np.ndarray, shape: str, cx: float, cy: float, r: float) -> float:
    """Sum of minima over sum of maxima of the seen `[H, W]` and the drawn coverage."""
    drawn = world.coverage(shape, cx, cy, r, size=cover.shape)
    return float(np.minimum(cover, drawn).sum() / np.maximum(cover, drawn).sum())


def path_error(motion: str, seen: np.ndarray, T: int, centre: np.ndarray, radius: np.ndarray) -> float:
    """Root mean square distance, in (x, y, radius), of the measured path `[len(seen), .]` from the word's."""
    want_centre, want_radius = world.path(motion, frames=T)
    shift = centre - want_centre[seen]
    shift = shift - shift.mean(axis=0)
    growth = radius - want_radius[seen]
    if motion not in ("grows", "shrinks"):
        growth = growth - growth.mean()
    return float(np.sqrt((np.square(shift).sum(axis=1) + np.square(growth)).mean()))


def judge(video: np.ndarray, facts: world.Facts) -> dict:
    """`right`: colour, shape, motion and background all are. The size word is reported, not judged."""
    verdict = look(video)
    parts = {part: getattr(verdict, part) == getattr(facts, part) for part in ("colour", "shape", "motion", "background")}
    return {
        "right": all(parts.values()),
        **parts,
        "size": verdict.size == facts.size if facts.motion not in ("grows", "shrinks") else None,
        "seen": {part: getattr(verdict, part) for part in ("size", "colour", "shape", "motion", "background")},
        "measures": {name: round(value, 4) for name, value in verdict.measures.items()},
    }
