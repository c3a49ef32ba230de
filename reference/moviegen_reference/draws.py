"""Choices that other languages repeat to the bit: a linear congruential generator of 32 bits."""


from .world import BACKGROUNDS, COLOURS, MOTIONS, RADII, SHAPES, Facts


class Draws:
    def __init__(self, seed: int):
        self.state = seed % 2**32

    def next(self) -> float:
        """In [0, 1)."""
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state / 2**32

    def below(self, count: int) -> int:
        return int(self.next() * count)

    def choice(self, options):
        options = list(options)
        return options[self.below(len(options))]

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.next()

    def facts(self, held_out: bool) -> Facts:
        """Facts of `world.py`, drawn until they are of the kind; what grows or shrinks has no size of its own."""
        while True:
            colour, shape, motion, background, size = map(self.choice, (COLOURS, SHAPES, MOTIONS, BACKGROUNDS, RADII))
            facts = Facts(colour, shape, motion, background, "" if motion in ("grows", "shrinks") else size)
            if facts.held_out == held_out:
                return facts
