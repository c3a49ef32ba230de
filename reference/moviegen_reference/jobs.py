"""Jobs in shapes world beyond text to video: pictures that start to move, clips that go on, clips that are edited. Draws what a
job is given and what it should make, words the instructions, and says which facts should change.

Not here: the models (`dit.py`), the judge of a clip (`judge.py`).
"""

import random
from dataclasses import dataclass, replace

import numpy as np

from . import world
from .world import Facts

TASKS = ("recolour", "reshape", "resize", "motion", "background", "add", "remove")
PART = {"recolour": "colour", "reshape": "shape", "resize": "size", "motion": "motion", "background": "background"}
NOUNS = {  # how an instruction may name the object
    "colour": lambda f: [f.shape, "object", "shape"],
    "shape": lambda f: [f"{f.colour} {f.shape}", f.shape, "object", "shape"],
    "other": lambda f: [f.shape, f"{f.colour} {f.shape}", "object", "shape"],
}
WORDINGS = {
    "recolour": ["make the {noun} {to}", "make it {to}", "change the colour to {to}", "turn the {noun} {to}", "paint the {noun} {to}"],
    "reshape": ["turn the {noun} into {a} {to}", "turn it into {a} {to}", "make it {a} {to}", "replace the {noun} with {a} {to}"],
    "resize": ["make the {noun} {to}", "make it {to}", "change the size to {to}"],
    "motion": ["make it {to}", "make the {noun} {to}", "let the {noun} {to}", "it {says}", "the {noun} {says}"],
    "background": ["change the background to {to}", "put it on {a} {to} background", "make the background {to}", "{a} {to} background"],
    "add": ["add {a} {to}", "put {a} {to} there", "let {a} {to} appear"],
    "remove": ["remove the {noun}", "take the {noun} away", "delete the {noun}", "remove it"],
}
INFINITIVE = {
    "moves right": "move right", "moves left": "move left", "moves up": "move up", "moves down": "move down",
    "stays still": "stay still", "grows": "grow", "shrinks": "shrink", "circles clockwise": "circle clockwise",
    "circles counterclockwise": "circle counterclockwise",
}
PRONOUN_WORDINGS = ["it {motion}", "the object {motion}", "{motion}"]


def draw(facts: Facts, offset: tuple[float, float], frames: int = world.FRAMES) -> np.ndarray:
    """As `world.draw`, of any number of frames: the same path in more steps."""
    centre, radius = world.path(facts.motion, facts.size, frames)
    cover = np.stack([
        world.coverage(facts.shape, world.CENTRE + x + offset[0], world.CENTRE + y + offset[1], r)
        for (x, y), r in zip(centre, radius)
    ])
    return world.paint(cover, facts.colour, facts.background)


def empty(background: str, frames: int = world.FRAMES) -> np.ndarray:
    """A clip without an object."""
    return world.paint(np.zeros((frames, world.SIZE, world.SIZE), np.float32), "red", background)


def motion_prompt(facts: Facts, rng: random.Random) -> str:
    """A prompt that speaks of the motion alone: everything else is in the picture."""
    motion = rng.choice([facts.motion] + [w for w in world.MOTION_WORDINGS[facts.motion] if not w.startswith("that")])
    return world.restyle(rng.choice(PRONOUN_WORDINGS).format(motion=motion), rng)


@dataclass(frozen=True)
class Edit:
    """One change of a clip. `before` or `after` is None where there is no object; the other one names its background."""

    task: str
    before: Facts | None
    after: Facts | None
    instruction: str

    @property
    def background(self) -> str:
        return (self.before or self.after).background


def edited(facts: Facts, task: str, rng: random.Random) -> Facts:
    """The same facts with one changed."""
    words = {"colour": list(world.COLOURS), "shape": list(world.SHAPES), "motion": list(world.MOTIONS),
             "background": list(world.BACKGROUNDS), "size": list(world.RADII)}
    part = PART[task]
    to = rng.choice([w for w in words[part] if w != getattr(facts, part)])
    after = replace(facts, **{part: to})
    return replace(after, size="") if after.motion in ("grows", "shrinks") else after


def can(task: str, facts: Facts) -> bool:
    """Whether a task makes sense: what grows or shrinks has no size of its own, and a change of motion would lose one."""
    if task == "resize":
        return facts.motion not in ("grows", "shrinks")
    return task != "motion" or facts.size == ""


def draw_edit(facts: Facts, task: str, rng: random.Random) -> Edit:
    """An edit of a clip of these facts; for `add` they are those of what is added."""
    if task == "add":
        return Edit(task, None, facts, instruction(task, facts, facts, rng))
    if task == "remove":
        return Edit(task, facts, None, instruction(task, facts, facts, rng))
    after = edited(facts, task, rng)
    return Edit(task, facts, after, instruction(task, facts, after, rng))


def instruction(task: str, before: Facts, after: Facts, rng: random.Random) -> str:
    noun = rng.choice(NOUNS.get(PART.get(task, "other"), NOUNS["other"])(before))
    said = {"noun": noun, "says": rng.choice([after.motion] + [w for w in world.MOTION_WORDINGS[after.motion] if w.split()[0].endswith("s")])}
    if task == "add":
        words = " ".join(w for w in (after.size, after.colour, after.shape) if w)
        said |= {"a": world.article(words), "to": f"{words} that {after.motion}"}
    elif task == "motion":
        said |= {"to": INFINITIVE[after.motion]}
    elif task != "remove":
        to = getattr(after, PART[task])
        if task == "resize":
            to = rng.choice({"small": ["small", "smaller", "little"], "": ["of middle size", "medium"], "big": ["big", "bigger", "large"]}[to])
        said |= {"to": to, "a": world.article(to)}
    return world.restyle(rng.choice(WORDINGS[task]).format(**said), rng)


# The fixed evaluation sets: 48 samples a job by this rule, written down before a checkpoint was judged.

SEEDS = {"image": 2410_13731, "extend": 2410_13732, "edit": 2410_13733}
EXTENDED = 48                                     # frames of an extended clip, of which 16 are given


@dataclass(frozen=True)
class Sample:
    """What a job is given, and what it should show. `before` and `after` as in `Edit`; other jobs have `after` alone."""

    seed: int
    prompt: str
    offset: tuple[float, float]
    after: Facts | None
    before: Facts | None = None
    task: str | None = None

    @property
    def background(self) -> str:
        return (self.before or self.after).background


def evaluation_set(job: str) -> list[Sample]:
    """`random.Random(SEEDS[job])` draws sample i, which is sampled with seed i: facts (of image and extend the even ones
    trained, the odd ones held out), offset, words. Edits take the tasks in turn."""
    rng, samples = random.Random(SEEDS[job]), []
    while len(samples) < 48:
        i = len(samples)
        if job == "edit":
            facts, task = world.random_facts(rng), TASKS[i % len(TASKS)]
            if not can(task, facts):
                continue
            edit = draw_edit(facts, task, rng)
            samples.append(Sample(i, edit.instruction, world.random_offset(rng), edit.after, edit.before, task))
            continue
        facts = world.random_facts(rng, held_out=i % 2 == 1)
        offset = world.random_offset(rng)
        samples.append(Sample(i, motion_prompt(facts, rng) if job == "image" else facts.caption, offset, facts))
    return samples


def given_clip(sample: Sample, job: str) -> np.ndarray:
    """The frames that a job is given: one for image, 16 for the others."""
    if job == "edit":
        return empty(sample.background) if sample.before is None else draw(sample.before, sample.offset)
    return draw(sample.after, sample.offset, EXTENDED if job == "extend" else world.FRAMES)[: 1 if job == "image" else 16]
