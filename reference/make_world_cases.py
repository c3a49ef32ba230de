"""Writes the fixed sets of words, patterns and large clips, and what the judges say of each true clip and of the same with one fact
changed, for the judges in TypeScript. Stops where a true clip is wrong or a changed one right.

    python3 make_world_cases.py ../packages/evaluation/test/world.json
"""

import hashlib
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from make_judge_cases import noise
from moviegen_reference import letters, patterns, upscale, world
from moviegen_reference.judge_letters import judge_letters
from moviegen_reference.judge_patterns import judge_patterns
from moviegen_reference.judge_upscale import judge_upscale

NOISE = 24                                        # amplitude of what every third clip gets


def following(options, one):
    """The option after one, round the end."""
    options = list(options)
    return options[(options.index(one) + 1) % len(options)]


def changed_word(word: letters.Word, i: int) -> tuple[str, letters.Word]:
    """A word with one fact changed: the facts in turn, a letter where the colour is not said."""
    part = ("text", "motion", "background", "colour")[i // 2 % 4]
    if part == "text" or (part == "colour" and not word.says_colour):
        k = i % len(word.text)
        letter = following(letters.LETTERS, word.text[k])
        return "text", replace(word, text=word.text[:k] + letter + word.text[k + 1 :])
    words = {"motion": world.MOTIONS, "background": world.BACKGROUNDS, "colour": world.COLOURS}[part]
    return part, replace(word, **{part: following(words, getattr(word, part))})


def changed_looks(samples: list[patterns.Sample], i: int) -> tuple[str, patterns.Looks]:
    """Looks with one fact changed: the pattern to that of the next sample, the motion, the background, in turn."""
    looks, part = samples[i].looks, ("pattern", "motion", "background")[i % 3]
    if part == "pattern":
        return part, replace(looks, cells=samples[(i + 1) % len(samples)].looks.cells)
    words = {"motion": world.MOTIONS, "background": world.BACKGROUNDS}[part]
    return part, replace(looks, **{part: following(words, getattr(looks, part))})


def noisy(video: np.ndarray, i: int) -> np.ndarray:
    if i % 3:
        return video
    added = noise(video.size, i).reshape(video.shape) * NOISE // 255 - NOISE // 2
    return np.clip(video.astype(np.int64) + added, 0, 255).astype(np.uint8)


def sha(video: np.ndarray) -> str:
    return hashlib.sha256(video.tobytes()).hexdigest()


def said(verdict: dict) -> dict:
    rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in verdict.items() if k != "seen"}
    return rounded | {"seen": {k: v for k, v in verdict.get("seen", {}).items() if v is not None}}


def case(i: int, draw, judge, true, changed: tuple[str, object], part: str) -> dict:
    right, wrong = judge(noisy(draw(true), i)), judge(noisy(draw(changed[1]), i))
    if not right["right"] or wrong["right"] or wrong[part]:
        raise AssertionError(f"sample {i}: true {right}, with another {changed[0]} {wrong}")
    if i % 6:                                     # the numbers of some are enough
        del right["measures"]
    del wrong["measures"]
    return {"changed": changed[0], "sha256": sha(draw(true)), "true": said(right), "other": said(wrong)}


def letter_cases():
    for i, s in enumerate(letters.evaluation_set()):
        changed = changed_word(s.word, i)
        yield {"sample": asdict(s)} | case(
            i, lambda w: letters.draw(w, s.offset), lambda v: judge_letters(v, s), s.word, changed, changed[0])


def pattern_cases():
    samples = patterns.evaluation_set()
    for i, s in enumerate(samples):
        changed = changed_looks(samples, i)
        yield {"sample": asdict(s), "picture": sha(patterns.picture(s.looks, s.place))} | case(
            i, lambda looks: patterns.draw(looks, s.offset), lambda v: judge_patterns(v, s, samples), s.looks, changed, changed[0])


def doubled(video: np.ndarray) -> np.ndarray:
    return video.repeat(2, axis=1).repeat(2, axis=2)


def upscale_cases():
    for i, s in enumerate(upscale.evaluation_set()):
        large, small = upscale.draw_large(s.facts, s.offset), world.draw(s.facts, s.offset)
        other = upscale.draw_large(replace(s.facts, colour=following(world.COLOURS, s.facts.colour)), s.offset)
        if i % 4 == 0:
            true = judge_upscale(noisy(large, i), small, doubled(small), s)
            wrong = judge_upscale(other, small, doubled(small), s)
            if not true["right"] or not true["right_before"] or wrong["right"]:
                raise AssertionError(f"sample {i}: true {true}, of another colour {wrong}")
            yield {"sample": asdict(s), "sha256": sha(large), "true": true, "other": wrong}
        else:
            yield {"sample": asdict(s)}


def main():
    parts = []
    for name, cases in (("letters", letter_cases()), ("reference", pattern_cases()), ("upscale", upscale_cases())):
        parts.append(f'"{name}": [\n' + ",\n".join(json.dumps(c, default=list) for c in cases) + "\n]")
        print(name, flush=True)
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
