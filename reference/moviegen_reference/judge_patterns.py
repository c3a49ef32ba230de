"""Says whether a video shows the pattern that was pictured (`patterns.py`), moving as asked, on the background asked for.

Background, object pixels and motion as in `judge.py`, the object being every pixel that is unlike the background, and a square. In
each frame the mean colour of the middle of each cell is taken, and averaged over the frames; the pattern is the one of the
candidates whose colours are nearest (the sum of squared distances).
"""

import numpy as np

from . import patterns, world
from .judge import FLOORS, centres, find, path_error

POINTS = 3                                        # along each side of a cell's middle half
PALETTE = np.array([world.COLOURS[c] for c in patterns.COLOURS], np.float64)


def read_pattern(video: np.ndarray) -> tuple[dict, np.ndarray | None, dict]:
    """`motion` and `background`, or None; the cells' mean colours `[CELLS^2, 3]`, or None; and the numbers behind them."""
    T, H, W, _ = video.shape
    x, measures = video.astype(np.float64), {}
    words = dict.fromkeys(("motion", "background"))
    _, mask = find(x, words, measures)
    cover = mask.astype(np.float64)
    area = cover.sum(axis=(1, 2))
    seen = np.flatnonzero(area >= FLOORS["area"] * (H * W) / world.SIZE**2)
    measures["frames_seen"] = len(seen) / T
    if len(seen) < max(2, FLOORS["frames"] * T):
        return words, None, measures
    cover, area, scale = cover[seen], area[seen], world.SIZE / W
    cx, cy = centres(cover, area)
    radius = np.sqrt(area / world.AREA["square"])
    centre = np.stack([cx, cy], axis=1) * scale
    errors = {motion: path_error(motion, seen, T, centre, radius * scale) for motion in world.MOTIONS}
    motion = min(errors, key=errors.get)
    measures["path_error"] = errors[motion]
    if errors[motion] <= FLOORS["path"]:
        words["motion"] = motion
    at = (np.arange(POINTS) - (POINTS - 1) / 2) / (2 * POINTS)                                           # within a cell
    places = (np.arange(patterns.CELLS)[:, None] - (patterns.CELLS - 1) / 2 + at).reshape(-1)            # in cells, from the centre
    cells = np.zeros((patterns.CELLS, patterns.CELLS, 3))
    for k, frame in enumerate(seen):
        side = 2 * 0.78 * radius[k] / patterns.CELLS
        column, row = (np.clip(np.floor(c + side * places + 0.5).astype(int), 0, n - 1) for c, n in ((cx[k], W), (cy[k], H)))
        middle = x[frame][row][:, column]
        cells += middle.reshape(patterns.CELLS, POINTS, patterns.CELLS, POINTS, 3).mean(axis=(1, 3))
    return words, cells.reshape(-1, 3) / len(seen), measures


def judge_patterns(video: np.ndarray, sample: patterns.Sample, samples: list[patterns.Sample]) -> dict:
    """`right`: the pattern, the motion and the background. `rank`: of the pictured pattern among the candidates, from 1."""
    words, cells, measures = read_pattern(video)
    rank = None
    if cells is not None:
        away = [float(np.square(cells - PALETTE[list(c)]).sum()) for c in patterns.candidates(sample, samples)]
        rank = 1 + sum(a < away[0] for a in away[1:])
    parts = {"pattern": rank == 1, "motion": words["motion"] == sample.looks.motion,
             "background": words["background"] == sample.looks.background}
    return {"right": all(parts.values()), **parts, "rank": rank, "seen": words,
            "measures": {name: round(value, 4) for name, value in measures.items()}}
