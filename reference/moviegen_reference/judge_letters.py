"""Reads the word of a video of `letters.py` by template matching, and says whether it is the one asked for. It knows nothing of
the prompt until `judge_letters` compares.

1. Background and object pixels as in `judge.py`. Ink: the object pixels that are nearly as far from the background as the
   furthest tenth is (a stroke may be too thin for inner pixels); its mean is the colour.
2. Motion: each word's path is laid over the measured one as in `judge.py`. The size of a word depends on its letters, so the root
   of the area is scaled to the path's mean radius first.
3. All frames are shifted and scaled as the motion says, and averaged.
4. For each length, at places a pixel apart and then half a pixel around the best, the pixels of the font are sampled (2x2 points
   each), and each letter is the one whose template differs least. What lies outside the word counts as well. The reading that differs least is taken;
   MISFIT is the most it may differ, as a share of all that is seen.
"""

import numpy as np

from . import letters, world
from .judge import FLOORS, centres, covered, find, nearest, path_error

INK, FURTHEST = 0.8, 0.9
MISFIT = 0.6
REACH = (6.0, 4.0)                                # of the search about the centre of mass, in pixels along x and y
POINTS = np.array([-0.25, 0.25])                  # of a font's pixel along each side, in such pixels from its middle
TEMPLATES = np.stack([letters.GLYPHS[letter] for letter in letters.LETTERS]).astype(float)                # [36, 7, 5]


def read_word(video: np.ndarray) -> tuple[dict, dict]:
    """`text`, `colour`, `motion` and `background`, or None where the likeness is too small; and the numbers behind them."""
    T, H, W, _ = video.shape
    x, measures = video.astype(np.float64), {}
    words = dict.fromkeys(("text", "colour", "motion", "background"))
    background, mask = find(x, words, measures)
    if not mask.any():
        return words, measures
    distance = np.linalg.norm(x - background, axis=-1)
    ordered = np.sort(distance[mask])
    ink = mask & (distance >= INK * ordered[int(FURTHEST * (len(ordered) - 1))])
    colour = x[ink].mean(axis=0)
    word, away = nearest(colour, world.COLOURS)
    measures["colour_distance"] = away
    if away <= FLOORS["colour"]:
        words["colour"] = word

    cover = covered(x, mask, background, colour)
    area = cover.sum(axis=(1, 2))
    seen = np.flatnonzero(area >= FLOORS["area"] * (H * W) / world.SIZE**2)
    measures["frames_seen"] = len(seen) / T
    if len(seen) < max(2, FLOORS["frames"] * T):
        return words, measures
    cover, area, scale = cover[seen], area[seen], world.SIZE / W
    cx, cy = centres(cover, area)
    centre, size = np.stack([cx, cy], axis=1) * scale, np.sqrt(area)

    def radius(motion: str) -> np.ndarray:
        want = world.path(motion, frames=T)[1][seen]
        return size * (want.mean() / size.mean())

    errors = {motion: path_error(motion, seen, T, centre, radius(motion)) for motion in world.MOTIONS}
    motion = min(errors, key=errors.get)
    measures["path_error"] = errors[motion]
    if errors[motion] > FLOORS["path"]:
        return words, measures
    words["motion"] = motion
    zoom = world.path(motion, frames=T)[1][seen] / world.RADII[""] / scale
    text, misfit = read_picture(averaged(cover, cx, cy, zoom))
    measures["misfit"] = misfit
    if misfit <= MISFIT:
        words["text"] = text
    return words, measures


def sampled(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A picture `[H, W]` at columns x and rows y, bilinear, 0 outside: `[len(y), len(x)]`."""
    H, W = picture.shape
    padded = np.pad(picture, 1)
    x, y = np.clip(x + 1, 0, W + 1), np.clip(y + 1, 0, H + 1)
    x0, y0 = np.minimum(np.floor(x).astype(int), W), np.minimum(np.floor(y).astype(int), H)
    u, v = x - x0, (y - y0)[:, None]
    above = padded[y0][:, x0] * (1 - u) + padded[y0][:, x0 + 1] * u
    below = padded[y0 + 1][:, x0] * (1 - u) + padded[y0 + 1][:, x0 + 1] * u
    return above * (1 - v) + below * v


def averaged(cover: np.ndarray, cx: np.ndarray, cy: np.ndarray, zoom: np.ndarray) -> np.ndarray:
    """The frames' mean, each about its centre and of the size that it has in the middle of a motion: `[64, 64]`."""
    at = np.arange(world.SIZE) - world.CENTRE
    return np.mean([sampled(c, x + z * at, y + z * at) for c, x, y, z in zip(cover, cx, cy, zoom)], axis=0)


def read_picture(picture: np.ndarray) -> tuple[str, float]:
    """The word that differs least, and by how much, as a share of the picture's energy."""
    best = "", float("inf")
    for length in letters.CELL:
        steps = [(dx, dy) for dy in np.arange(-REACH[1], REACH[1] + 1) for dx in np.arange(-REACH[0], REACH[0] + 1)]
        readings = [read_at(picture, length, *step) for step in steps]
        x, y = steps[int(np.argmin([misfit for _, misfit in readings]))]
        readings += [read_at(picture, length, x + dx, y + dy) for dy in (-0.5, 0.0, 0.5) for dx in (-0.5, 0.0, 0.5)]
        best = min([best, *readings], key=lambda reading: reading[1])
    return best


def read_at(picture: np.ndarray, length: int, dx: float, dy: float) -> tuple[str, float]:
    """The word of a length whose middle is so far from the picture's, and by how much it differs."""
    cell, columns, points = letters.CELL[length], (letters.COLUMNS + 1) * length - 1, len(POINTS)
    across, down = (((np.arange(n) - (n - 1) / 2)[:, None] + POINTS).reshape(-1) * cell for n in (columns, letters.ROWS))
    fine = sampled(picture, world.CENTRE + dx + across, world.CENTRE + dy + down)
    q = fine.reshape(letters.ROWS, points, columns, points).mean(axis=(1, 3))                             # [7, columns]
    differs, text = float(np.square(q[:, letters.COLUMNS :: letters.COLUMNS + 1]).sum()), ""
    for k in range(length):
        slot = q[:, k * (letters.COLUMNS + 1) :][:, : letters.COLUMNS]
        each = np.square(slot - TEMPLATES).sum(axis=(1, 2))
        text += letters.LETTERS[int(each.argmin())]
        differs += float(each.min())
    energy = float(np.square(picture).sum())
    outside = max(0.0, energy - cell**2 * float(np.square(q).sum()))
    return text, (cell**2 * differs + outside) / energy


def judge_letters(video: np.ndarray, sample: letters.Sample) -> dict:
    """`right`: every letter, the motion, the background, and the colour where the prompt says one. `letters`: the share of letters
    that are right at their places."""
    seen, measures = read_word(video)
    word, text = sample.word, seen["text"] or ""
    parts = {"text": text == word.text, "motion": seen["motion"] == word.motion, "background": seen["background"] == word.background}
    if word.says_colour:
        parts["colour"] = seen["colour"] == word.colour
    letters_right = sum(a == b for a, b in zip(text, word.text)) / max(len(text), len(word.text))
    return {"right": all(parts.values()), **parts, "letters": letters_right, "seen": seen,
            "measures": {name: round(value, 4) for name, value in measures.items()}}
