"""Scene world: what a clip of the larger world holds, and its captions. Builds on shapes world (`world.py`), whose words,
colours, shapes, sizes, motions and held-out triples it keeps. Not here: drawing (`scene_draw.py`), judging
(`scene_judge.py`).

Lengths are shapes world's at 64 x 64 and grow with s = min(H, W) / 64; the canvas centre is ((W - 1) / 2, (H - 1) / 2).

Time. Frame k of a clip of R frames a second is at progress p = min(1, 16 k / (15 R)): at 16 frames of 16 a second that is
shapes world's k / 15. Speeds thus are the same in seconds whatever R; what has arrived rests. An image (one frame) shows the
middle, p = 1/2, and its caption has no motion.

Things. One; or two shapes of different colours, `A and B`: the first in the left half and the second in the right one
(upper and lower where H > W), each about its half's centre, all its lengths times 0.7, the second in front.
    a [size] COLOUR SHAPE MOTION
    the [big] [COLOUR] word "TEXT" MOTION: 1 to 4 of A to Z and 0 to 9 in the font of `font.py`, its pixel 2 s wide, 3 s
    where big (1 or 2 letters); half the travel and half the orbit of a shape; it never grows or shrinks. Without a colour it
    is black (16, 16, 16) on white and gray and white (240, 240, 240) on black and navy. Words stand on plain backgrounds.
Backgrounds, of shapes world's four colours:
    on a A background
    on a A to B gradient background: A in the first row, B in the last, linear between
    on a A and B checkerboard background: squares of 8 s, edges at the canvas centre; A where column plus row is even
Camera, only over a checkerboard with one shape that does not grow or shrink: `, the camera zooms in | zooms out | pans left
| pans right`. A point X of the scene (relative to the centre) is seen at z (X - c): zooms in z = 1 + p / 2, zooms out
z = 1 / (1 + p / 2); pans c = (-+16 s p, 0); otherwise z = 1, c = 0. Sizes are seen times z.

Held out, never trained on: every clip with a triple that shapes world holds out; words whose characters' codes sum to a
multiple of 7.
"""

import random
from dataclasses import dataclass

from . import font, world
from .world import article, restyle

SIZES = ((64, 64), (96, 96), (128, 128), (64, 96), (96, 64))           # H, W
LENGTHS, RATES = (1, 8, 16, 24, 32), (8, 16, 24)
CAMERAS = ("zooms in", "zooms out", "pans left", "pans right")
ZOOM, PAN, CELL = 1.5, 16.0, 8.0
TWO, WORD_PATH = 0.7, 0.5
INK = {"black": (16, 16, 16), "white": (240, 240, 240)}
WORD_COLOURS = world.COLOURS | INK
WORD_MOTIONS = tuple(m for m in world.MOTIONS if m not in ("grows", "shrinks"))


@dataclass(frozen=True)
class Thing:
    """A shape of shapes world, or a word where `text` is not empty. A `motion` of "" is an image's."""

    colour: str
    motion: str
    shape: str = ""
    text: str = ""
    size: str = ""

    @property
    def held_out(self) -> bool:
        if self.text:
            return sum(map(ord, self.text)) % 7 == 0
        return bool(self.motion) and world.Facts(self.colour, self.shape, self.motion, "").held_out


@dataclass(frozen=True)
class Scene:
    """`background`: (A,), ("gradient", A, B) or ("checkerboard", A, B)."""

    things: tuple[Thing, ...]
    background: tuple[str, ...]
    camera: str = ""
    frames: int = 16
    fps: int = 16
    size: tuple[int, int] = (64, 64)

    @property
    def held_out(self) -> bool:
        return any(t.held_out for t in self.things)

    @property
    def plain(self) -> bool:
        return len(self.background) == 1

    @property
    def caption(self) -> str:
        """The standard form."""
        text = " and ".join(thing_words(t, self, t.size, t.motion) for t in self.things)
        text = f"{text} on {background_words(self.background)}"
        return f"{text}, the camera {self.camera}" if self.camera else text


def default_ink(background: str) -> str:
    return "black" if background in ("white", "gray") else "white"


def thing_words(t: Thing, scene: Scene, size: str, motion: str) -> str:
    if t.text:
        colour = "" if scene.plain and t.colour == default_ink(scene.background[0]) else t.colour
        words = " ".join(w for w in ("the", size, colour, "word", f'"{t.text}"') if w)
    else:
        words = " ".join(w for w in (size, t.colour, t.shape) if w)
        words = f"{article(words)} {words}"
    return f"{words} {motion}".rstrip()


def background_words(background: tuple[str, ...]) -> str:
    if len(background) == 1:
        words = background[0]
    else:
        kind, first, second = background
        words = f"{first} {'to' if kind == 'gradient' else 'and'} {second} {kind}"
    return f"{article(words)} {words} background"


def other_wording(scene: Scene, rng: random.Random) -> str:
    """The same facts in other words. What stands in quotes keeps its case."""
    words = []
    for t in scene.things:
        size = rng.choice(world.SIZE_WORDINGS[t.size])
        motion = rng.choice([t.motion] + world.MOTION_WORDINGS[t.motion]) if t.motion else ""
        words.append(thing_words(t, scene, size, motion))
    background = background_words(scene.background)
    place = rng.choice([w.split(" {a}")[0] for w in world.BACKGROUND_WORDINGS])
    things = rng.choice([" and ", " while "] if len(words) == 2 and scene.frames > 1 else [" and "]).join(words)
    camera = f"the camera {scene.camera}" if scene.camera else ""
    if rng.random() < 0.3:
        text = f"{place} {background}, {things}" + (f", {camera}" if camera else "")
    elif camera and rng.random() < 0.4:
        text = f"{camera}, {things} {place} {background}"
    else:
        text = f"{things} {place} {background}" + (f", {camera}" if camera else "")
    return restyle_outside_quotes(text, rng)


def restyle_outside_quotes(text: str, rng: random.Random) -> str:
    parts = restyle(text, rng).split('"')
    parts[1::2] = text.split('"')[1::2]
    return '"'.join(parts)


def caption(scene: Scene, rng: random.Random) -> str:
    """A training caption: the standard form half of the time."""
    return restyle_outside_quotes(scene.caption, rng) if rng.random() < 0.5 else other_wording(scene, rng)


# Drawing lots. KINDS: the shares of training clips.

KINDS = {"shape": 0.40, "two": 0.18, "word": 0.22, "camera": 0.20}


def random_scene(rng: random.Random, size: tuple[int, int] = (64, 64), frames: int = 16, fps: int = 16,
                 held_out: bool | None = False, kind: str | None = None) -> Scene:
    """A clip of the world; `held_out` None takes what comes. An image has no camera."""
    while True:
        which = kind or rng.choices(list(KINDS), list(KINDS.values()))[0]
        if which == "camera" and frames == 1:
            which = "shape"
        scene = lot(rng, which, size, frames, fps)
        if held_out is None or scene.held_out == held_out:
            return scene


def lot(rng: random.Random, kind: str, size: tuple[int, int], frames: int, fps: int) -> Scene:
    still = frames == 1
    plain = (rng.choice(list(world.BACKGROUNDS)),)
    if kind == "word":
        text = "".join(rng.choice(font.LETTERS) for _ in range(rng.randint(1, font.LONGEST)))
        colours = [c for c in WORD_COLOURS if c not in INK] + [default_ink(plain[0])]
        thing = Thing(rng.choice(colours), "" if still else rng.choice(WORD_MOTIONS), text=text,
                      size=rng.choice(["", "big"]) if len(text) <= 2 else "")
        return Scene((thing,), plain, "", frames, fps, size)
    camera = rng.choice(CAMERAS) if kind == "camera" else ""
    patterned = (rng.choice(["gradient", "checkerboard"]), *rng.sample(list(world.BACKGROUNDS), 2))
    background = ("checkerboard", *patterned[1:]) if camera else plain if rng.random() < 0.6 else patterned
    motions = WORD_MOTIONS if camera else world.MOTIONS
    colours = rng.sample(list(world.COLOURS), 2 if kind == "two" else 1)
    things = []
    for colour in colours:
        motion = "" if still else rng.choice(motions)
        size_word = "" if motion in ("grows", "shrinks") else rng.choice(list(world.RADII))
        things.append(Thing(colour, motion, rng.choice(world.SHAPES), "", size_word))
    return Scene(tuple(things), background, camera, frames, fps, size)


EVALUATION_SEED = 2410_13722


def evaluation_scenes(kind: str, count: int = 96, held_out: bool = False) -> list[tuple[str, Scene]]:
    """The fixed prompts of a kind, with their scenes: by `random.Random(f"{EVALUATION_SEED} {kind} {held_out}")`, each
    prompt once; of each three the first in another wording. Sampled with seeds 2 i and 2 i + 1. Kinds: those of KINDS,
    and `triple`: one shape over a plain background, 16 frames of 16 a second at 64 x 64, as in shapes world."""
    rng = random.Random(f"{EVALUATION_SEED} {kind} {held_out}")
    found: dict[str, Scene] = {}
    while len(found) < count:
        if kind == "triple":
            f = world.random_facts(rng, held_out)
            scene = Scene((Thing(f.colour, f.motion, f.shape, "", f.size),), (f.background,))
        else:
            scene = random_scene(rng, fps=rng.choice(RATES), held_out=held_out, kind=kind)
        text = other_wording(scene, rng) if len(found) % 3 == 0 else scene.caption
        found.setdefault(text, scene)
    return list(found.items())
