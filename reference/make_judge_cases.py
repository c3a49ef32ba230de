"""Writes what the judge says of a few true and broken clips, and the evaluation prompts, for the judge in TypeScript.

    python3 make_judge_cases.py ../packages/evaluation/test/judge.json

A case: the facts drawn, the start offset, what was done to the clip (`frames`: the order in which its frames are shown;
`noise`: the amplitude of what a small generator adds), the sum of bytes it should give, and the verdict on it.
"""

import hashlib
import json
import random
import sys
from pathlib import Path

import numpy as np

from moviegen_reference import world
from moviegen_reference.judge import judge


def noise(count: int, seed: int) -> np.ndarray:
    """A linear congruential generator's top bytes, 0 .. 255: the same in any language."""
    state, out = seed, np.empty(count, np.int64)
    for i in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = state >> 24
    return out


def main():
    rng, cases = random.Random(9), []
    for i in range(48):
        facts = world.random_facts(rng, held_out=i % 2 == 1)
        offset = tuple(round(v, 3) for v in world.random_offset(rng))
        frames = list(range(world.FRAMES))
        if i % 6 == 3:
            frames = [rng.randrange(world.FRAMES)] * world.FRAMES
        elif i % 6 == 4:
            rng.shuffle(frames)
        elif i % 6 == 5:
            frames = frames[::-1]
        amplitude = 0 if i % 4 == 0 else rng.choice([16, 48, 96, 255])
        video = world.draw(facts, offset)[frames]
        if amplitude:
            added = noise(video.size, i).reshape(video.shape) * amplitude // 255 - amplitude // 2
            video = np.clip(video.astype(np.int64) + added, 0, 255).astype(np.uint8)
        verdict = judge(video, facts)
        cases.append({
            "facts": {p: getattr(facts, p) for p in ("colour", "shape", "motion", "background", "size")},
            "caption": facts.caption, "held_out": facts.held_out, "offset": offset, "frames": frames,
            "noise": amplitude, "seed": i, "sha256": hashlib.sha256(video.tobytes()).hexdigest(), "verdict": verdict,
        })
    prompts = [{k: e[k] for k in ("prompt", "held_out")} | {"facts": vars(world.parse(e["prompt"]))}
               for e in world.evaluation_prompts()]
    lines = [json.dumps(c) for c in cases]
    listed = [json.dumps(p) for p in prompts]
    Path(sys.argv[1]).write_text(
        '{\n"cases": [\n' + ",\n".join(lines) + '\n],\n"prompts": [\n' + ",\n".join(listed) + "\n]\n}\n")


if __name__ == "__main__":
    main()
