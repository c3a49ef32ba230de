"""Words in shapes world: `the word "HI" moves right on a black background`. One to three of A to Z and 0 to 9 in a pixel font, in
the colours, motions and backgrounds of `world.py`; half of all words are held out.

Not here: how a video is judged (`judge_letters.py`).
"""

import random
from dataclasses import dataclass, replace

import numpy as np

from . import world
from .draws import Draws

ROWS, COLUMNS, LONGEST = 7, 5, 3
FONT = {  # rows of pixels from top to bottom; every letter and digit touches all four sides of its box
    "A": "01110 10001 10001 11111 10001 10001 10001", "B": "11110 10001 10001 11110 10001 10001 11110",
    "C": "01111 10000 10000 10000 10000 10000 01111", "D": "11110 10001 10001 10001 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111", "F": "11111 10000 10000 11110 10000 10000 10000",
    "G": "01111 10000 10000 10011 10001 10001 01111", "H": "10001 10001 10001 11111 10001 10001 10001",
    "I": "11111 00100 00100 00100 00100 00100 11111", "J": "00111 00001 00001 00001 10001 10001 01110",
    "K": "10001 10010 10100 11000 10100 10010 10001", "L": "10000 10000 10000 10000 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001", "N": "10001 11001 10101 10101 10011 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110", "P": "11110 10001 10001 11110 10000 10000 10000",
    "Q": "01110 10001 10001 10001 10101 10010 01101", "R": "11110 10001 10001 11110 10100 10010 10001",
    "S": "01111 10000 10000 01110 00001 00001 11110", "T": "11111 00100 00100 00100 00100 00100 00100",
    "U": "10001 10001 10001 10001 10001 10001 01110", "V": "10001 10001 10001 10001 01010 01010 00100",
    "W": "10001 10001 10001 10101 10101 11011 10001", "X": "10001 01010 00100 00100 00100 01010 10001",
    "Y": "10001 01010 00100 00100 00100 00100 00100", "Z": "11111 00001 00010 00100 01000 10000 11111",
    "0": "01110 10011 10101 10101 11001 10001 01110", "1": "00100 11100 00100 00100 00100 00100 11111",
    "2": "11110 00001 00001 01110 10000 10000 11111", "3": "11111 00001 00001 01111 00001 00001 11111",
    "4": "10010 10010 10010 11111 00010 00010 00010", "5": "11111 10000 10000 11111 00001 00001 11110",
    "6": "00110 01000 10000 11110 10001 10001 01110", "7": "11111 00001 00010 00010 00100 00100 00100",
    "8": "01110 10001 10001 01110 10001 10001 01110", "9": "01110 10001 10001 01111 00001 00010 01100",
}
LETTERS = "".join(FONT)
GLYPHS = {letter: np.array([[int(d) for d in row] for row in rows.split()]) for letter, rows in FONT.items()}  # [7, 5]
GLYPHS[" "] = np.zeros((ROWS, COLUMNS), int)      # of trainings alone
CELL = {1: 4.0, 2: 3.0, 3: 2.0}                   # pixels of a font's pixel, by the length of the word
SIZES = {1: {"small": 2.0}, 2: {"small": 2.0, "big": 4.0}, 3: {"big": 3.0}}  # of trainings alone: words in the size of other lengths
OFFSET = 1.0                                      # at most: so that all of a word is seen
SEED = 2410_13736


@dataclass(frozen=True)
class Word:
    """What is drawn, and whether the prompt says the colour."""

    text: str
    colour: str
    motion: str
    background: str
    says_colour: bool = False

    @property
    def held_out(self) -> bool:
        return held_out(self.text)

    @property
    def caption(self) -> str:
        """The standard form."""
        colour = f"{self.colour} " if self.says_colour else ""
        return f'the {colour}word "{self.text}" {self.motion} on {world.article(self.background)} {self.background} background'


def held_out(text: str) -> bool:
    """Half of the words of each length: those the sum of whose letters' places is odd."""
    return sum(LETTERS.index(letter) for letter in text) % 2 == 1


def bits(text: str) -> np.ndarray:
    """The font's pixels of a word, a column between letters: `[7, 6n - 1]`."""
    gap = np.zeros((ROWS, 1), int)
    return np.concatenate([part for letter in text for part in (gap, GLYPHS[letter])][1:], axis=1)


def coverage(text: str, cx: float, cy: float, cell: float, size: tuple[int, int] = (world.SIZE, world.SIZE)) -> np.ndarray:
    """Share of each pixel that the word covers, in 16ths `[H, W]` f32: 4x4 samples a pixel."""
    word = bits(text)
    rows, columns = word.shape
    sub = (np.arange(world.SAMPLES) + 0.5) / world.SAMPLES - 0.5
    x = (np.arange(size[1])[:, None] + sub).reshape(-1) - cx
    y = (np.arange(size[0])[:, None] + sub).reshape(-1) - cy
    column, row = (np.floor(v / cell + n / 2).astype(int) for v, n in ((x, columns), (y, rows)))
    seen = ((row >= 0) & (row < rows))[:, None] & (column >= 0) & (column < columns)
    hits = seen & (word[np.clip(row, 0, rows - 1)][:, np.clip(column, 0, columns - 1)] == 1)
    return hits.reshape(size[0], world.SAMPLES, size[1], world.SAMPLES).mean(axis=(1, 3)).astype(np.float32)


def draw(word: Word, offset: tuple[float, float] = (0.0, 0.0), size: str = "") -> np.ndarray:
    """The clip, `[T, H, W, 3]` u8. A word grows and shrinks as an object does. `size`: one of SIZES; a big word may leave the canvas."""
    centre, radius = world.path(word.motion)
    length = len(word.text)
    cell = SIZES[length][size] if size else CELL[length]
    cover = np.stack([
        coverage(word.text, world.CENTRE + x + offset[0], world.CENTRE + y + offset[1], cell * (r / world.RADII[""]))
        for (x, y), r in zip(centre, radius)
    ])
    return world.paint(cover, word.colour, word.background)


def random_word(rng: random.Random, held_out_too: bool = False, lengths: tuple[int, ...] = (1, 1, 1)) -> Word:
    """Of lengths 1, 2, 3 in the given proportion; without `held_out_too` only of words that are trained on."""
    while True:
        length = rng.choices(range(1, LONGEST + 1), lengths)[0]
        text = "".join(rng.choice(LETTERS) for _ in range(length))
        if held_out_too or not held_out(text):
            return Word(text, rng.choice(list(world.COLOURS)), rng.choice(world.MOTIONS), rng.choice(list(world.BACKGROUNDS)),
                        rng.random() < 0.5)


def with_space(word: Word, rng: random.Random) -> Word:
    """A longer word with a space in place of one letter: what a letter looks like where it does not stand beside another one."""
    i = rng.randrange(len(word.text))
    return replace(word, text=word.text[:i] + " " + word.text[i + 1 :]) if len(word.text) > 1 else word


def random_offset(rng: random.Random) -> tuple[float, float]:
    return rng.uniform(-OFFSET, OFFSET), rng.uniform(-OFFSET, OFFSET)


NOUNS = {False: ['the word "{t}"', 'the text "{t}"', '"{t}"'],
         True: ['the {c} word "{t}"', 'the word "{t}" in {c}', 'the {c} text "{t}"', '"{t}" in {c}', '{a} {c} "{t}"']}


def caption(word: Word, rng: random.Random, size: str = "") -> str:
    """A training caption: the standard form half of the time, else another wording. A size is said first of all."""
    if size:
        return f"{size} {word.caption.removeprefix('the ')}"
    if rng.random() < 0.5:
        return word.caption
    noun = rng.choice(NOUNS[word.says_colour]).format(t=word.text, c=word.colour, a=world.article(word.colour))
    motion = rng.choice([word.motion] + world.MOTION_WORDINGS[word.motion])
    background = rng.choice(world.BACKGROUND_WORDINGS).format(a=world.article(word.background), b=word.background)
    text = rng.choice(world.ORDERS).format(object=noun, motion=motion, background=background)
    return text + "." if rng.random() < 0.4 else text


@dataclass(frozen=True)
class Sample:
    seed: int
    prompt: str
    offset: tuple[float, float]
    word: Word


def evaluation_set() -> list[Sample]:
    """48 held-out words, sample i with seed i: lengths 1, 2, 3 in turn, every second with its colour said."""
    draws, samples = Draws(SEED), []
    for i in range(48):
        text = ""
        while not text or not held_out(text):
            text = "".join(draws.choice(LETTERS) for _ in range(i % LONGEST + 1))
        colour, motion, background = map(draws.choice, (world.COLOURS, world.MOTIONS, world.BACKGROUNDS))
        word = Word(text, colour, motion, background, i % 2 == 1)
        samples.append(Sample(i, word.caption, (draws.uniform(-OFFSET, OFFSET), draws.uniform(-OFFSET, OFFSET)), word))
    return samples
