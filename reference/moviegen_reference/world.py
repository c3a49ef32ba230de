"""Shapes world: draws the clips, words the captions, and says what is held out (shapes-world.md, whole).

Coordinates are pixels, origin top left, y down; pixel (x, y) covers [x - 1/2, x + 1/2] x [y - 1/2, y + 1/2], so the
canvas is [-1/2, 63.5] and its centre (31.5, 31.5). Not here: how a video is judged (`judge.py`).
"""

import math
import random
import re
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

SIZE, FRAMES, FPS, CENTRE, SAMPLES = 64, 16, 16, 31.5, 4
COLOURS = {
    "red": (230, 40, 40), "green": (40, 180, 70), "blue": (40, 90, 230), "yellow": (245, 215, 45),
    "purple": (150, 60, 200), "orange": (245, 140, 30), "cyan": (50, 205, 220), "pink": (250, 130, 190),
}
BACKGROUNDS = {"black": (16, 16, 16), "white": (240, 240, 240), "gray": (128, 128, 128), "navy": (20, 25, 80)}
SHAPES = ("circle", "square", "triangle", "star", "cross")
RADII = {"small": 8.0, "": 11.0, "big": 15.0}
MOTIONS = (
    "moves right", "moves left", "moves up", "moves down", "stays still", "grows", "shrinks",
    "circles clockwise", "circles counterclockwise",
)
TRAVEL, ORBIT, OFFSET, GROW = 28.0, 14.0, 4.0, (6.0, 16.0)
DIRECTIONS = {"moves right": (1, 0), "moves left": (-1, 0), "moves up": (0, -1), "moves down": (0, 1)}


@dataclass(frozen=True)
class Facts:
    """What a prompt says. `size` is a key of RADII, and "" where the motion says its own r."""

    colour: str
    shape: str
    motion: str
    background: str
    size: str = ""

    @property
    def triple(self) -> tuple[int, int, int]:
        return tuple(COLOURS).index(self.colour), SHAPES.index(self.shape), MOTIONS.index(self.motion)

    @property
    def held_out(self) -> bool:
        return sum(self.triple) % 7 == 0

    @property
    def caption(self) -> str:
        """The standard form."""
        words = " ".join(w for w in (self.size, self.colour, self.shape) if w)
        return f"{article(words)} {words} {self.motion} on {article(self.background)} {self.background} background"


def article(words: str) -> str:
    return "an" if words[0] in "aeiou" else "a"


def all_facts() -> list[Facts]:
    """Every prompt of the world, in the order of the table."""
    return [
        Facts(c, s, m, b, z)
        for c, s, m, b, z in product(COLOURS, SHAPES, MOTIONS, BACKGROUNDS, RADII)
        if not (z and m in ("grows", "shrinks"))
    ]


# Paths


def path(motion: str, size: str = "", frames: int = FRAMES) -> tuple[np.ndarray, np.ndarray]:
    """Centre relative to the canvas centre `[T, 2]` (x, y) and radius `[T]`, without the start offset."""
    return path_at(motion, size, np.arange(frames) / max(frames - 1, 1))


def path_at(motion: str, size: str, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same at given progress `[T]`; whatever is no motion stays still."""
    centre, radius = np.zeros((len(p), 2)), np.full(len(p), RADII[size])
    if motion in DIRECTIONS:
        centre = (p - 0.5)[:, None] * TRAVEL * np.array(DIRECTIONS[motion], dtype=float)
    elif motion == "grows":
        radius = GROW[0] + (GROW[1] - GROW[0]) * p
    elif motion == "shrinks":
        radius = GROW[1] + (GROW[0] - GROW[1]) * p
    elif motion.startswith("circles"):
        turn = 2 * math.pi * p * (1 if motion == "circles clockwise" else -1)
        centre = ORBIT * np.stack([np.sin(turn), -np.cos(turn)], axis=1)
    return centre, radius


# Drawing


def star_corners() -> np.ndarray:
    angle = np.arange(10) * math.pi / 5
    radius = np.where(np.arange(10) % 2 == 0, 1.0, 0.42)
    return np.stack([radius * np.sin(angle), -radius * np.cos(angle)], axis=1)


STAR = star_corners()
AREA = {  # of the shape of size 1
    "circle": math.pi,
    "square": (2 * 0.78) ** 2,
    "triangle": 3 * math.sqrt(3) / 4,
    "star": 5 * 0.42 * math.sin(math.pi / 5),
    "cross": 2 * 2 * 0.7 - 0.7**2,
}


def inside(shape: str, x: np.ndarray, y: np.ndarray, r: float) -> np.ndarray:
    """Whether the point (x, y), relative to the centre, lies in the shape of size r."""
    if shape == "circle":
        return x * x + y * y <= r * r
    if shape == "square":
        return (np.abs(x) <= 0.78 * r) & (np.abs(y) <= 0.78 * r)
    if shape == "cross":
        ax, ay = np.abs(x), np.abs(y)
        return ((ax <= r) & (ay <= 0.35 * r)) | ((ay <= r) & (ax <= 0.35 * r))
    if shape == "triangle":  # corners (0, -r) and (+-sqrt(3)/2 r, r/2): three half planes at distance r/2
        return (y <= r / 2) & (math.sqrt(3) / 2 * np.abs(x) - y / 2 <= r / 2)
    # star: within a sector of 72 degrees about a point, left of the edge from the point to the inner corner
    angle = np.arctan2(x, -y)
    angle = np.abs((angle + math.pi / 5) % (2 * math.pi / 5) - math.pi / 5)
    radius = np.hypot(x, y)
    u, v = radius * np.cos(angle), radius * np.sin(angle)
    inner_u, inner_v = 0.42 * math.cos(math.pi / 5), 0.42 * math.sin(math.pi / 5)
    return (u - r) * inner_v - v * (inner_u - 1.0) <= 0.0


def coverage(shape: str, cx: float, cy: float, r: float, size: tuple[int, int] = (SIZE, SIZE)) -> np.ndarray:
    """Share of each pixel that the shape covers, in 16ths `[H, W]` f32: 4x4 samples a pixel."""
    out = np.zeros(size, dtype=np.float32)
    x0, x1 = max(math.floor(cx - r) - 1, 0), min(math.ceil(cx + r) + 2, size[1])
    y0, y1 = max(math.floor(cy - r) - 1, 0), min(math.ceil(cy + r) + 2, size[0])
    if x0 >= x1 or y0 >= y1:
        return out
    sub = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
    xs = (np.arange(x0, x1)[:, None] + sub).reshape(1, -1) - cx
    ys = (np.arange(y0, y1)[:, None] + sub).reshape(-1, 1) - cy
    hits = inside(shape, xs, ys, r).reshape(y1 - y0, SAMPLES, x1 - x0, SAMPLES)
    out[y0:y1, x0:x1] = hits.mean(axis=(1, 3))
    return out


def clip_coverage(shape: str, motion: str, size: str, offset: tuple[float, float]) -> np.ndarray:
    """`[T, H, W]` f32."""
    centre, radius = path(motion, size)
    return np.stack([
        coverage(shape, CENTRE + x + offset[0], CENTRE + y + offset[1], r) for (x, y), r in zip(centre, radius)
    ])


def paint(cover: np.ndarray, colour: str, background: str) -> np.ndarray:
    """`[T, H, W]` coverage to `[T, H, W, 3]` u8."""
    back, front = np.array(BACKGROUNDS[background], np.float32), np.array(COLOURS[colour], np.float32)
    return np.floor(back + cover[..., None] * (front - back) + 0.5).astype(np.uint8)


def draw(facts: Facts, offset: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """The clip, `[T, H, W, 3]` u8."""
    return paint(clip_coverage(facts.shape, facts.motion, facts.size, offset), facts.colour, facts.background)


def random_offset(rng: random.Random) -> tuple[float, float]:
    return rng.uniform(-OFFSET, OFFSET), rng.uniform(-OFFSET, OFFSET)


# Words

MOTION_WORDINGS = {
    "moves right": ["moving right", "moving to the right", "going right", "that moves to the right", "moves to the right"],
    "moves left": ["moving left", "moving to the left", "going left", "that moves to the left", "moves to the left"],
    "moves up": ["moving up", "moving upwards", "going up", "that moves upwards", "moves upwards"],
    "moves down": ["moving down", "moving downwards", "going down", "that moves downwards", "moves downwards"],
    "stays still": ["staying still", "standing still", "not moving", "that does not move", "stands still"],
    "grows": ["growing", "getting bigger", "that grows", "that gets bigger", "becomes bigger"],
    "shrinks": ["shrinking", "getting smaller", "that shrinks", "that gets smaller", "becomes smaller"],
    "circles clockwise": ["circling clockwise", "going round clockwise", "that circles clockwise",
                          "moving round clockwise", "goes round clockwise"],
    "circles counterclockwise": ["circling counterclockwise", "going round counterclockwise",
                                 "that circles counterclockwise", "moving round counterclockwise",
                                 "goes round counterclockwise"],
}
BACKGROUND_WORDINGS = ["on {a} {b} background", "over {a} {b} background", "in front of {a} {b} background",
                       "against {a} {b} background", "with {a} {b} background"]
SIZE_WORDINGS = {"small": ["small", "little"], "big": ["big", "large"], "": [""]}
ORDERS = ["{object} {motion} {background}", "{background}, {object} {motion}", "{object} {background}, {motion}",
          "{object} {background} {motion}"]


def other_wording(facts: Facts, rng: random.Random) -> str:
    """The same facts in other words: never the standard form, whatever its case and full stop."""
    while True:
        words = " ".join(
            w for w in (rng.choice(SIZE_WORDINGS[facts.size]), facts.colour, facts.shape) if w
        )
        background = rng.choice(BACKGROUND_WORDINGS).format(a=article(facts.background), b=facts.background)
        motion = rng.choice([facts.motion] + MOTION_WORDINGS[facts.motion])
        text = rng.choice(ORDERS).format(object=f"{article(words)} {words}", motion=motion, background=background)
        if text != facts.caption:
            return restyle(text, rng)


def restyle(text: str, rng: random.Random) -> str:
    """Lower case, a capital first letter or capitals throughout; with and without a final full stop."""
    style = rng.random()
    if style < 0.3:
        text = text[0].upper() + text[1:]
    elif style < 0.4:
        text = text.upper()
    return text + "." if rng.random() < 0.4 else text


def caption(facts: Facts, rng: random.Random) -> str:
    """A training caption: the standard form half of the time, else another wording."""
    return restyle(facts.caption, rng) if rng.random() < 0.5 else other_wording(facts, rng)


def parse(prompt: str) -> Facts:
    """The facts a prompt of this world states, in any wording that `caption` makes."""
    words = re.findall(r"[a-z]+", prompt.lower())
    text = " ".join(words)

    def the(kind: str, found: list[str]) -> str:
        if len(found) != 1:
            raise ValueError(f"world.parse: {prompt!r} says {found or 'nothing'} as {kind}; expected one")
        return found[0]

    background = the("background", [b for b in BACKGROUNDS if f"{b} background" in text])
    motion = max(
        (m for m in MOTIONS for w in [m] + MOTION_WORDINGS[m] if f" {w} " in f" {text} "),
        key=lambda m: max(len(w) for w in [m] + MOTION_WORDINGS[m] if f" {w} " in f" {text} "),
        default=None,
    )
    motion = the("motion", [motion] if motion else [])
    size = [z for z, wordings in SIZE_WORDINGS.items() if z and any(w in words for w in wordings)]
    return Facts(the("colour", [c for c in COLOURS if c in words]), the("shape", [s for s in SHAPES if s in words]),
                 motion, background, size[0] if size else "")


# The fixed evaluation list: written down before any checkpoint was judged.

EVALUATION_SEED, VALIDATION_SEED = 2410_13720, 2410_13721


def evaluation_prompts(seed: int = EVALUATION_SEED) -> list[dict]:
    """48 trained and 48 held-out prompts, by this rule: `random.Random(EVALUATION_SEED)` shuffles the prompts of each
    kind (all_facts order, trained first) and the first 48 are taken; of each 48 the first 16 are in another wording,
    drawn by the same generator. Prompt i of the whole list is sampled with seed i.
    Choices (the guidance scale) are made on the list of VALIDATION_SEED instead."""
    rng, prompts = random.Random(seed), []
    for held_out in (False, True):
        facts = [f for f in all_facts() if f.held_out == held_out]
        rng.shuffle(facts)
        for i, f in enumerate(facts[:48]):
            text = other_wording(f, rng) if i < 16 else f.caption
            prompts.append({
                "seed": len(prompts), "held_out": held_out, "prompt": text,
                "colour": f.colour, "shape": f.shape, "motion": f.motion, "background": f.background,
            })
    return prompts


def trained_facts() -> list[Facts]:
    return [f for f in all_facts() if not f.held_out]


def random_facts(rng: random.Random, held_out: bool = False) -> Facts:
    """Triples, backgrounds and sizes each uniformly."""
    while True:
        f = Facts(rng.choice(list(COLOURS)), rng.choice(SHAPES), rng.choice(MOTIONS), rng.choice(list(BACKGROUNDS)))
        if f.held_out == held_out:
            return f if f.motion in ("grows", "shrinks") else replace(f, size=rng.choice(list(RADII)))
