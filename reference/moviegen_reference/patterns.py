"""Objects with looks that words cannot say: a square of coloured cells, pictured in one place and on one background, to be shown
moving on another. A reference picture and a prompt of motion and background are given.

Not here: how a video is judged (`judge_patterns.py`).
"""

import random
from dataclasses import dataclass

import numpy as np

from . import world
from .draws import Draws

CELLS = 3                                         # along each side: as fine as the autoencoder carries
CANDIDATES = 16                                   # patterns of which the nearest is the one that was read
SIZE_WORD = "big"
PLACES = 12.0                                     # pixels that a pictured object may be away from the centre
SEED = 2410_13734
COLOURS = tuple(world.COLOURS)


@dataclass(frozen=True)
class Looks:
    """Colours of the cells, row by row, as places in COLOURS; what moves how, and where."""

    cells: tuple[int, ...]
    motion: str
    background: str

    @property
    def prompt(self) -> str:
        """What words can say of it."""
        return f"it {self.motion} on {world.article(self.background)} {self.background} background"


def counts(cx: float, cy: float, r: float) -> np.ndarray:
    """Of each pixel's 16 samples, how many lie in each cell: `[H, W, CELLS^2]`."""
    sub = (np.arange(world.SAMPLES) + 0.5) / world.SAMPLES - 0.5
    side = 2 * 0.78 * r / CELLS                                            # of a cell

    def cell(centre: float) -> np.ndarray:
        away = (np.arange(world.SIZE)[:, None] + sub).reshape(-1) - centre
        return np.floor(away / side + CELLS / 2).astype(int)

    column, row = cell(cx), cell(cy)[:, None]
    inside = (row >= 0) & (row < CELLS) & (column >= 0) & (column < CELLS)
    which = np.where(inside, row * CELLS + column, -1)
    hits = which[..., None] == np.arange(CELLS**2)
    return hits.reshape(world.SIZE, world.SAMPLES, world.SIZE, world.SAMPLES, -1).sum(axis=(1, 3))


def frame(cells: tuple[int, ...], background: str, cx: float, cy: float, r: float) -> np.ndarray:
    """`[H, W, 3]` u8."""
    hits = counts(world.CENTRE + cx, world.CENTRE + cy, r)
    front = np.array([world.COLOURS[COLOURS[c]] for c in cells])           # [CELLS^2, 3]
    back = np.array(world.BACKGROUNDS[background])
    sums = hits @ front + (world.SAMPLES**2 - hits.sum(axis=-1, keepdims=True)) * back
    return np.floor(sums / world.SAMPLES**2 + 0.5).astype(np.uint8)


def draw(looks: Looks, offset: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """The clip, `[T, H, W, 3]` u8."""
    size = "" if looks.motion in ("grows", "shrinks") else SIZE_WORD
    centre, radius = world.path(looks.motion, size)
    return np.stack([
        frame(looks.cells, looks.background, x + offset[0], y + offset[1], r) for (x, y), r in zip(centre, radius)
    ])


@dataclass(frozen=True)
class Place:
    """Where and how large an object is pictured."""

    background: str
    x: float
    y: float
    size: str


def picture(looks: Looks, place: Place) -> np.ndarray:
    """The reference picture, `[H, W, 3]` u8."""
    return frame(looks.cells, place.background, place.x, place.y, world.RADII[place.size])


def random_looks(rng: random.Random) -> Looks:
    return Looks(tuple(rng.randrange(len(COLOURS)) for _ in range(CELLS**2)), rng.choice(world.MOTIONS), rng.choice(list(world.BACKGROUNDS)))


def looks_of(record: dict) -> Looks:
    """Of what a shard says of a clip."""
    return Looks(tuple(record["cells"]), record["motion"], record["background"])


def caption(looks: Looks, rng: random.Random) -> str:
    """A training caption: the motion and the background in words, the standard form half of the time."""
    if rng.random() < 0.5:
        return looks.prompt
    motion = rng.choice([looks.motion] + [w for w in world.MOTION_WORDINGS[looks.motion] if not w.startswith("that")])
    background = rng.choice(world.BACKGROUND_WORDINGS).format(a=world.article(looks.background), b=looks.background)
    return world.restyle(f"{rng.choice(['it', 'the object'])} {motion} {background}", rng)


def random_place(rng: random.Random, looks: Looks) -> Place:
    """Another background than the video's."""
    return Place(rng.choice([b for b in world.BACKGROUNDS if b != looks.background]),
                 rng.uniform(-PLACES, PLACES), rng.uniform(-PLACES, PLACES), rng.choice(["", "big"]))


@dataclass(frozen=True)
class Sample:
    seed: int
    prompt: str
    offset: tuple[float, float]
    looks: Looks
    place: Place


def evaluation_set() -> list[Sample]:
    """48 patterns, no two alike, sample i with seed i."""
    draws, samples, seen = Draws(SEED), [], set()
    while len(samples) < 48:
        cells = tuple(draws.below(len(COLOURS)) for _ in range(CELLS**2))
        motion, background = draws.choice(world.MOTIONS), draws.choice(world.BACKGROUNDS)
        looks = Looks(cells, motion, background)
        other = draws.choice([b for b in world.BACKGROUNDS if b != background])
        place = Place(other, draws.uniform(-PLACES, PLACES), draws.uniform(-PLACES, PLACES), draws.choice(["", "big"]))
        offset = draws.uniform(-world.OFFSET, world.OFFSET), draws.uniform(-world.OFFSET, world.OFFSET)
        if cells in seen:
            continue
        seen.add(cells)
        samples.append(Sample(len(samples), looks.prompt, offset, looks, place))
    return samples


def candidates(sample: Sample, samples: list[Sample]) -> list[tuple[int, ...]]:
    """The patterns among which the judge looks for the nearest: the sample's own first, then those of the 15 after it."""
    return [samples[(sample.seed + k) % len(samples)].looks.cells for k in range(CANDIDATES)]
