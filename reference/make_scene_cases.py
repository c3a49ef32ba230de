"""Writes true clips of scene world, what its judge says of them and of what is done to them, and samples of its evaluation
prompts, for the judge in TypeScript.

    python3 make_scene_cases.py ../packages/moviegen/test/scenes

A clip is a PNG, its frames one below the other. A case: a clip, what was done to it (`frames`: the order in which its frames
are shown; `noise`: the amplitude of what `make_judge_cases.noise` adds, from `seed`), and the verdict on it.
"""

import dataclasses
import hashlib
import json
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from evaluate_scenes import SETS
from make_judge_cases import noise
from moviegen_reference import font, scene_draw, scenes
from moviegen_reference.scene_judge import judge

FORMS = (((64, 64), 16, 16), ((64, 96), 8, 24), ((96, 64), 24, 8), ((64, 64), 1, 16))  # (H, W), frames, rate
LARGE = {"two": ((128, 128), 8, 16), "word": ((96, 96), 8, 24)}
CHANGES = ("reversed", "shuffled", "frozen", "noise")


def save(video: np.ndarray, path: Path):
    """Frames one below the other, with a palette where 256 colours are enough."""
    tall = video.reshape(-1, video.shape[2], 3)
    colours, index = np.unique(tall.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) <= 256:
        image = Image.fromarray(index.reshape(tall.shape[:2]).astype(np.uint8), "P")
        image.putpalette(colours.flatten().tolist())
    else:
        image = Image.fromarray(tall)
    image.save(path, optimize=True)


def told(scene: scenes.Scene) -> dict:
    return dataclasses.asdict(scene) | {"caption": scene.caption, "held_out": scene.held_out}


def verdict(video: np.ndarray, scene: scenes.Scene) -> dict:
    result = judge(video, scene)
    sight = dataclasses.asdict(result.pop("seen"))
    return {k: None if v is None else bool(v) for k, v in result.items()} | {"seen": sight}


def changed(video: np.ndarray, how: str, amplitude: int, rng: random.Random) -> tuple[list[int], int]:
    order = list(range(len(video)))
    if how == "reversed":
        return order[::-1], 0
    if how == "shuffled":
        return rng.sample(order, len(order)), 0
    if how == "frozen":
        return [rng.choice(order)] * len(order), 0
    return order, amplitude


def main():
    folder, clips, cases = Path(sys.argv[1]), [], []
    folder.mkdir(parents=True, exist_ok=True)
    for kind in scenes.KINDS:
        rng = random.Random(f"cases {kind}")
        for form in (*FORMS, *([LARGE[kind]] if kind in LARGE else [])):
            (H, W), frames, fps = form
            scene = scenes.random_scene(rng, (H, W), frames, fps, None, kind)
            video = scene_draw.draw(scene, scene_draw.random_offsets(scene, rng))[0].numpy()
            name = f"{kind}-{W}x{H}x{frames}"
            save(video, folder / f"{name}.png")
            clips.append({"name": name, **told(scene)})
            how = CHANGES[len(clips) % 4]
            amplitude = rng.choice([16, 48, 96, 255])
            for order, loud in ([list(range(frames)), 0], changed(video, how if frames > 1 else "noise", amplitude, rng)):
                shown = video[order]
                if loud:
                    added = noise(shown.size, len(cases)).reshape(shown.shape) * loud // 255 - loud // 2
                    shown = np.clip(shown.astype(np.int64) + added, 0, 255).astype(np.uint8)
                cases.append({"clip": name, "frames": order, "noise": loud, "seed": len(cases),
                              "sha256": hashlib.sha256(shown.tobytes()).hexdigest(), "verdict": verdict(shown, scene)})
                print(name, order[:4], loud, cases[-1]["verdict"]["right"], flush=True)

    sets = []
    for kind, held_out in SETS:
        entries = scenes.evaluation_scenes(kind, 96, held_out)
        lines = [f"{text}|{scene.caption}|{scene.fps}|{scene.held_out}" for text, scene in entries]
        sets.append({"kind": kind, "held_out": held_out, "some": lines[::12],
                     "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest()})
    glyphs = b"".join(glyph.tobytes() for glyph in font.GLYPHS.values())
    fonts = [{"letters": font.LETTERS, "sha256": hashlib.sha256(glyphs).hexdigest()}]
    blocks = {"clips": clips, "cases": cases, "sets": sets, "font": fonts}
    text = ",\n".join(f'"{name}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]" for name, rows in blocks.items())
    (folder / "cases.json").write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
