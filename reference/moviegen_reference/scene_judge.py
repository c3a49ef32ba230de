"""Says what a video of scene world shows (`scenes.py`), as `judge.py` does of shapes world: numpy, deterministic, no learning;
what it believes to see is drawn again and compared. It knows nothing of the prompt until `judge` compares words.

Legend: T frames, H W pixels, s = min(H, W) / 64.

1. Background: each kind with each pair of colours against the first frame, where every camera stands at rest; the nearest.
   A checkerboard's camera and frame rate: the pair whose board is nearest over all frames.
2. Object pixels: further than 45 (RGB distance) from that background; over a checkerboard without what is thinner than
   three pixels.
3. Colours: the commonest colour word of inner pixels; what no mix of it and the background explains may be a second one.
4. Each thing's coverage, centre and area; the shape whose drawing overlaps most. One thin thing may be a word: its box gives
   the count of letters and the size of the font's pixel; each letter is the glyph nearest to the samples of its cell.
5. Motion and frame rate: the path nearest to the measured one, the camera undone. What never moves says no rate.
Below FLOORS no word is given.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from . import font, world
from .judge import neighbours, overlap
from .scene_draw import camera_at, home, progress
from .scenes import CAMERAS, CELL, RATES, TWO, WORD_COLOURS, WORD_MOTIONS, WORD_PATH, Scene

OBJECT_DISTANCE, MIX_DISTANCE = 45.0, 30.0
FLOORS = {
    "background": 0.75,  # at least: share of the border's pixels within OBJECT_DISTANCE of the background's drawing
    "colour": 70.0,      # at most: distance of a thing's colour from its word's
    "second": 0.05,      # at least: share of the object pixels that a second thing has
    "frames": 0.8,       # at least: share of frames in which a thing is seen
    "area": 12.0,        # at least: its area there, in s x s pixels
    "overlap": 0.70,     # at least: mean overlap with the shape's drawing
    "letters": 0.80,     # at least: 1 - mean distance of a word's samples from its glyphs
    "path": 2.5,         # at most: root mean square distance from the word's path, in s pixels
}


@dataclass(frozen=True)
class Seen:
    """A thing; None where no word is near enough."""

    colour: str | None
    shape: str | None = None
    text: str | None = None
    motion: str | None = None


@dataclass(frozen=True)
class Sight:
    things: tuple[Seen, ...]
    background: tuple[str, ...] | None
    camera: str
    fps: int | None
    measures: dict


def board(size: tuple[int, int], z: float, c: np.ndarray, s: float, samples: int = 1) -> np.ndarray:
    """The share of a pixel that lies in a checkerboard's second colour, `[H, W]`."""
    sub = (np.arange(samples) + 0.5) / samples - 0.5
    x, y = ((np.arange(n)[:, None] - (n - 1) / 2 + sub).ravel() for n in (size[1], size[0]))
    column, row = np.floor((x / z + c[0]) / (CELL * s)), np.floor((y / z + c[1]) / (CELL * s))
    second = (row[:, None] + column) % 2 == 1
    return second.reshape(size[0], samples, size[1], samples).mean(axis=(1, 3))


def drawn_background(words: tuple[str, ...], size: tuple[int, int], share: np.ndarray | None = None) -> np.ndarray:
    """`[H, W, 3]` (`[..., H, W, 3]` where the shares of the second colour are given so)."""
    colours = [np.array(world.BACKGROUNDS[w], float) for w in words if w in world.BACKGROUNDS]
    if len(colours) == 1:
        return np.broadcast_to(colours[0], (*size, 3))
    if share is None:
        share = np.repeat(np.linspace(0, 1, size[0])[:, None], size[1], axis=1)
    return colours[0] + share[..., None] * (colours[1] - colours[0])


def distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.norm(x - y, axis=-1)


def find_background(x: np.ndarray, s: float) -> tuple[tuple[str, ...], str, int | None, np.ndarray]:
    """Words, camera, frame rate where the camera tells it, and the drawing `[T or 1, H, W, 3]`."""
    T, size = len(x), x.shape[1:3]
    rest = board(size, 1.0, np.zeros(2), s)
    pairs = list(permutations(world.BACKGROUNDS, 2))
    options = [((b,), None) for b in world.BACKGROUNDS]
    options += [(("gradient", *p), None) for p in pairs] + [(("checkerboard", *p), rest) for p in pairs]

    def miss(drawn, frames):
        return np.minimum(distance(frames, drawn), 100.0).mean()
    words, share = min(options, key=lambda o: miss(drawn_background(o[0], size, o[1]), x[0]))
    if words[0] != "checkerboard":
        drawn = drawn_background(words, size)[None]
        if len(words) == 1:  # as measured: a little off is no object
            border = np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], axis=1).reshape(-1, 3)
            drawn = drawn + (np.median(border, axis=0) - drawn[0, 0, 0])
        return words, "", None, drawn

    def under(camera, fps, samples):
        z, c = camera_at(camera, progress(T, fps or 16), s)
        return drawn_background(words, size, np.stack([board(size, z[k], c[k], s, samples) for k in range(T)]))

    cameras = [("", None)] + [(c, r) for c in CAMERAS for r in RATES if T > 1]
    camera, fps = min(cameras, key=lambda option: miss(under(*option, 1), x))
    return words, camera, fps, under(camera, fps, world.SAMPLES)


def nearest_word(colour: np.ndarray) -> tuple[str, float]:
    distances = {w: float(np.linalg.norm(colour - np.array(rgb))) for w, rgb in WORD_COLOURS.items()}
    word = min(distances, key=distances.get)
    return word, distances[word]


def commonest(x: np.ndarray, mask: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The measured colour of the thing that most of the mask's inner pixels show; of a thin thing, of what stands out most."""
    inner = neighbours(mask, np.logical_and)
    if inner.sum() < 0.15 * mask.sum():
        away = distance(x, drawn)[mask]
        return np.median(x[mask][away >= np.quantile(away, 0.75)], axis=0)
    pixels = x[inner]
    names = list(WORD_COLOURS)
    table = np.stack([np.array(WORD_COLOURS[n], float) for n in names])
    word = np.linalg.norm(pixels[:, None] - table, axis=-1).argmin(axis=1)
    return np.median(pixels[word == np.bincount(word).argmax()], axis=0)


def mix(x: np.ndarray, drawn: np.ndarray, colour: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of `colour` in each pixel, 0 .. 1, and the pixel's distance from that mix."""
    step = colour - drawn
    share = np.clip(((x - drawn) * step).sum(-1) / np.maximum((step * step).sum(-1), 1.0), 0.0, 1.0)
    return share, distance(x, drawn + share[..., None] * step)


def covers(x: np.ndarray, mask: np.ndarray, drawn: np.ndarray, s: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Colour and coverage `[T, H, W]` of each thing."""
    first = commonest(x, mask, drawn)
    share, off = mix(x, drawn, first)
    rest = mask & (off > MIX_DISTANCE)
    rest = neighbours(neighbours(rest, np.logical_and), np.logical_or) & rest
    near = neighbours(mask, np.logical_or)
    if rest.sum() < max(FLOORS["second"] * mask.sum(), FLOORS["area"] * s * s * len(x)):
        return [(first, share * near)]
    second = commonest(x, rest, drawn)
    other, other_off = mix(x, drawn, second)
    mine = off <= other_off
    return [(first, share * (near & mine)), (second, other * (near & ~mine))]


def centres(cover: np.ndarray, area: np.ndarray) -> np.ndarray:
    """`[T, 2]`, in pixels from the canvas centre."""
    H, W = cover.shape[1:]
    x = (cover * (np.arange(W) - (W - 1) / 2)).sum(axis=(1, 2)) / area
    y = (cover * (np.arange(H) - (H - 1) / 2)[:, None]).sum(axis=(1, 2)) / area
    return np.stack([x, y], axis=1)


def read_word(cover: np.ndarray, s: float) -> tuple[str, float, np.ndarray]:
    """Text, its likeness 0 .. 1, and its centres `[T, 2]` from the canvas centre."""
    size = np.array(cover.shape[1:])
    boxes = []
    for frame in cover:
        rows, columns = (np.flatnonzero(frame.max(axis=a) >= 0.5) for a in (1, 0))
        boxes.append((rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) if len(rows) and len(columns) else None)
    known = np.array([b for b in boxes if b])
    if not len(known):
        return "", 0.0, np.full((len(cover), 2), np.nan)
    height, width = np.median(known[:, 1] - known[:, 0]), np.median(known[:, 3] - known[:, 2])
    u = s * min((2.0, 3.0), key=lambda unit: abs(height / 7 - unit * s))
    count = int(np.clip(round((width / u + font.GAP) / (font.WIDTH + font.GAP)), 1, font.LONGEST))
    columns = count * (font.WIDTH + font.GAP) - font.GAP
    glyphs = np.stack(list(font.GLYPHS.values())).astype(float)                                     # [36, 7, 5]
    total, middle = np.zeros((count, len(glyphs))), np.full((len(cover), 2), np.nan)
    for k, box in enumerate(boxes):
        if box is None:
            continue
        cy, cx = (box[0] + box[1]) / 2, (box[2] + box[3]) / 2
        middle[k] = cx - size[1] / 2, cy - size[0] / 2
        best = None
        for dy, dx in ((dy, dx) for dy in np.arange(-1, 1.1, 0.5) for dx in np.arange(-1, 1.1, 0.5)):
            at = sample(cover[k], cy + dy + (np.arange(7) - 3) * u, cx + dx + (np.arange(columns) - (columns - 1) / 2) * u, u)
            cells = np.stack([at[:, i * 6 : i * 6 + 5] for i in range(count)])                      # [count, 7, 5]
            misses = np.abs(cells[:, None] - glyphs).mean(axis=(2, 3))                              # [count, 36]
            if best is None or misses.min(axis=1).sum() < best.min(axis=1).sum():
                best = misses
        total += best
    total /= len(known)
    names = list(font.GLYPHS)
    return "".join(names[i] for i in total.argmin(axis=1)), 1 - float(total.min(axis=1).mean()), middle


def sample(cover: np.ndarray, ys: np.ndarray, xs: np.ndarray, u: float) -> np.ndarray:
    """Mean coverage of the squares of side u / 2 about the points (edges of pixels at whole numbers)."""
    table = np.pad(cover.cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def area(y, x):  # of the rectangle from the origin, at fractional corners
        y, x = np.clip(y, 0, cover.shape[0]), np.clip(x, 0, cover.shape[1])
        i, j = np.minimum(y.astype(int), cover.shape[0] - 1), np.minimum(x.astype(int), cover.shape[1] - 1)
        fy, fx = (y - i)[:, None], (x - j)[None]
        corner = lambda a, b: table[np.ix_(i + a, j + b)]
        return (1 - fy) * ((1 - fx) * corner(0, 0) + fx * corner(0, 1)) + fy * ((1 - fx) * corner(1, 0) + fx * corner(1, 1))

    h = u / 4
    return (area(ys + h, xs + h) - area(ys - h, xs + h) - area(ys + h, xs - h) + area(ys - h, xs - h)) / (4 * h * h)


def measure(cover: np.ndarray, others: np.ndarray | None, s: float, wordy: bool) -> dict:
    """Shape or text of a thing with its path: `seen` frames, `centre` `[., 2]` and `radius` `[.]` in pixels."""
    area = cover.sum(axis=(1, 2))
    seen = np.flatnonzero(area >= FLOORS["area"] * s * s)
    found = {"seen": seen, "shape": None, "text": None, "overlap": 0.0}
    if len(seen) < max(1, FLOORS["frames"] * len(cover)):
        return found
    cover, area = cover[seen], area[seen]
    centre = centres(cover, area)
    middle = (np.array(cover.shape[1:]) - 1) / 2
    hidden = [None if others is None else others[k] > 0.3 for k in seen]

    def likeness(shape, k):
        r, seen_cover = float(np.sqrt(area[k] / world.AREA[shape])), cover[k]
        if hidden[k] is None or not hidden[k].any():
            return overlap(seen_cover, shape, middle[1] + centre[k, 0], middle[0] + centre[k, 1], r)
        drawn = world.coverage(shape, middle[1] + centre[k, 0], middle[0] + centre[k, 1], r, size=seen_cover.shape)
        drawn = np.where(hidden[k], 0.0, drawn)
        return float(np.minimum(seen_cover, drawn).sum() / np.maximum(np.where(hidden[k], 0.0, seen_cover), drawn).sum())

    overlaps = {shape: float(np.mean([likeness(shape, k) for k in range(len(seen))])) for shape in world.SHAPES}
    shape = max(overlaps, key=overlaps.get)
    found |= {"overlap": overlaps[shape], "centre": centre}
    if wordy:
        text, alike, points = read_word(cover, s)
        found["letters"] = alike
        if alike >= FLOORS["letters"] and alike > overlaps[shape]:
            kept = ~np.isnan(points[:, 0])
            return found | {"text": text, "centre": points[kept], "seen": seen[kept], "radius": np.ones(kept.sum())}
    if overlaps[shape] >= FLOORS["overlap"]:
        found |= {"shape": shape, "radius": np.sqrt(area / world.AREA[shape])}
    return found


def path_errors(found: dict, T: int, fps: int, camera: str, factor: tuple[float, float], s: float) -> dict[str, float]:
    """Of each motion: root mean square distance of the measured path, in s pixels, the camera undone."""
    p = progress(T, fps)
    z, c = (a[found["seen"]] for a in camera_at(camera, p, s))
    centre, radius = (found["centre"] / z[:, None] + c) / s, found["radius"] / z / s
    errors = {}
    for motion in WORD_MOTIONS if found["text"] else world.MOTIONS:
        want_centre, want_radius = world.path_at(motion, "", p)
        shift = centre - factor[0] * want_centre[found["seen"]]
        shift = shift - shift.mean(axis=0)
        growth = radius - factor[1] * want_radius[found["seen"]]
        if motion not in ("grows", "shrinks"):
            growth = growth - growth.mean()
        errors[motion] = float(np.sqrt((np.square(shift).sum(axis=1) + np.square(growth)).mean()))
    return errors


def look(video: np.ndarray) -> Sight:
    """The words for a video `[T, H, W, 3]` u8."""
    T, H, W, _ = video.shape
    x, s = video.astype(np.float64), min(H, W) / 64
    words, camera, rate, drawn = find_background(x, s)
    drawn = np.broadcast_to(drawn, x.shape)
    mask = distance(x, drawn) > OBJECT_DISTANCE                                                     # [T, H, W]
    ring = np.ones((H, W), bool)
    ring[2:-2, 2:-2] = False
    plain = float(1 - mask[:, ring].mean())
    measures = {"border": plain}
    background = words if plain >= FLOORS["background"] else None
    if words[0] == "checkerboard":
        mask = neighbours(neighbours(mask, np.logical_and), np.logical_or)
    if not mask.any():
        return Sight((), background, camera, rate, measures)

    parts = covers(x, mask, drawn, s)
    things, founds = [], []
    for k, (colour, cover) in enumerate(parts):
        word, off = nearest_word(colour)
        others = parts[1 - k][1] if len(parts) == 2 else None
        founds.append(measure(cover, others, s, wordy=len(words) == 1 and len(parts) == 1))
        things.append(Seen(word if off <= FLOORS["colour"] else None, founds[k]["shape"], founds[k]["text"]))
    measures["likeness"] = [max(f["overlap"], f.get("letters", 0.0)) for f in founds]

    if T > 1:
        def factor(f):
            return (WORD_PATH, 1.0) if f["text"] else (TWO, TWO) if len(parts) == 2 else (1.0, 1.0)
        named = [k for k, f in enumerate(founds) if f["shape"] or f["text"]]
        rates = (rate,) if rate else RATES
        errors = {r: {k: path_errors(founds[k], T, r, camera, factor(founds[k]), s) for k in named} for r in rates}
        rate = min(rates, key=lambda r: sum(min(e.values()) for e in errors[r].values()))
        moved = bool(camera)
        for k in named:
            e = errors[rate][k]
            motion = min(e, key=e.get)
            if e[motion] <= FLOORS["path"]:
                things[k] = Seen(things[k].colour, things[k].shape, things[k].text, motion)
                moved |= motion != "stays still"
        measures["path"] = [min(errors[rate][k].values()) for k in named]
        rate = rate if moved else None
    else:
        things = [Seen(t.colour, t.shape, t.text, "") for t in things]
    if len(things) == 2:  # as captions name them: left before right, upper before lower
        axis = 1 if H > W else 0
        order = sorted(range(2), key=lambda k: float(founds[k]["centre"][:, axis].mean()) if "centre" in founds[k] else 0.0)
        things = [things[k] for k in order]
    return Sight(tuple(things), background, camera, rate, measures)


def judge(video: np.ndarray, scene: Scene) -> dict:
    """`right`: every thing's colour, shape or text, and motion; background and camera. `fps` is None where nothing moves."""
    sight = look(video)
    same = len(sight.things) == len(scene.things)
    pairs = list(zip(sight.things, scene.things)) if same else []
    moves = bool(scene.camera) or any(t.motion not in ("", "stays still") for t in scene.things)
    parts = {
        "colour": same and all(a.colour == b.colour for a, b in pairs),
        "shape": same and all((a.shape or "") == b.shape for a, b in pairs),
        "text": same and all((a.text or "") == b.text for a, b in pairs),
        "motion": same and all(a.motion == b.motion for a, b in pairs),
        "background": sight.background == scene.background,
        "camera": sight.camera == scene.camera,
    }
    return {"right": all(parts.values()), **parts, "fps": sight.fps == scene.fps if moves and scene.frames > 1 else None,
            "seen": sight}
