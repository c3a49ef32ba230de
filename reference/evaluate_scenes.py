"""Samples scene world's fixed evaluation prompts with a checkpoint, judges the videos, and measures the TAE.

    python3 evaluate_scenes.py CHECKPOINT --json figures.json [--count 96] [--seeds 2] [--guidance 5] [--steps 50]
Sets: `triple` trained and held out (shapes world's own size, length and rate), two objects, words (by their length), cameras.
CUDA where there is; the judge runs on all cores.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from moviegen_reference import scene_data, scene_judge, scenes
from moviegen_reference.losses import psnr
from moviegen_reference.pipeline import Pipeline, load_pipeline

SETS = (("triple", False), ("triple", True), ("two", False), ("word", False), ("word", True), ("camera", False))
PARTS = ("right", "colour", "shape", "text", "motion", "background", "camera")


def videos_of(pipeline: Pipeline, entries: list[tuple[str, scenes.Scene, int]], steps: int, guidance: float, batch: int):
    """u8 `[T, H, W, 3]` each, in the order given; entries of one size and length go together."""
    order = sorted(range(len(entries)), key=lambda i: (entries[i][1].size, entries[i][1].frames))
    out: list = [None] * len(entries)
    for _, group in groupby(order, key=lambda i: (entries[i][1].size, entries[i][1].frames)):
        group = list(group)
        for first in range(0, len(group), batch):
            which = group[first : first + batch]
            prompts, some, seeds = zip(*(entries[i] for i in which))
            (H, W), frames = some[0].size, some[0].frames
            latents = pipeline.latents(list(prompts), list(seeds), steps, guidance, num_frames=frames, height=H, width=W,
                                       fps=[s.fps for s in some])
            for i, video in zip(which, pipeline.decode(latents, frames).cpu().numpy()):
                out[i] = video
    return out


def verdict(pair):
    video, scene = pair
    result = scene_judge.judge(video, scene)
    return {k: result[k] for k in (*PARTS, "fps")}


def summary(results: list[dict]) -> dict:
    row = {part: float(np.mean([r[part] for r in results])) for part in PARTS}
    told = [r["fps"] for r in results if r["fps"] is not None]
    return {"n": len(results), **row, "fps": float(np.mean(told)) if told else None}


@torch.no_grad()
def tae_figures(pipeline: Pipeline, device, count: int = 64) -> dict:
    """PSNR in dB of unseen clips of 64 x 64 x 16 and of procedural textures."""
    import random

    spec = {"share": 1, "size": (64, 64), "frames": 16, "clips": count}
    clips = scene_data.ClipPool(random.Random("unseen by training"), spec, device).batch(random.Random(2), count, False)[0]
    waves = scene_data.textures(random.Random("unseen by training"), count, device=device)
    tae = pipeline.tae
    through = lambda x: torch.cat([tae.decode(tae.encode(c)[0], c.shape[2]).clamp(-1, 1) for c in x.split(4)])
    return {"psnr": float(psnr(through(clips), clips)), "psnr_textures": float(psnr(through(waves), waves))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float, nargs="*", help="default: the checkpoint's own")
    parser.add_argument("--count", type=int, default=96, help="prompts a set")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--batch", type=int, default=192)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pipeline, index = load_pipeline(args.checkpoint)
    pipeline.to(device)
    steps = args.steps or index["sampler"]["steps"]
    report = {"steps": steps, "tae": tae_figures(pipeline, device, min(64, args.count)), "guidance": {}}
    print(f"TAE: {report['tae']}", flush=True)
    with ProcessPoolExecutor() as pool:
        for guidance in args.guidance or [index["sampler"]["guidance_scale"]]:
            figures = report["guidance"][str(guidance)] = {}
            print(f"\nguidance {guidance}, {steps} steps\n| set | n | {' | '.join(PARTS)} | fps |\n{'|---' * (len(PARTS) + 3)}|")
            for kind, held_out in SETS:
                chosen = scenes.evaluation_scenes(kind, args.count, held_out)
                entries = [(text, scene, 2 * i + k) for i, (text, scene) in enumerate(chosen) for k in range(args.seeds)]
                videos = videos_of(pipeline, entries, steps, guidance, args.batch)
                results = list(pool.map(verdict, zip(videos, (e[1] for e in entries)), chunksize=4))
                rows = {f"{kind}{', held out' if held_out else ''}": results}
                if kind == "word":
                    for name, low, high in (("1 to 2 letters", 1, 2), ("3 to 4 letters", 3, 4)):
                        rows[f"{name}{', held out' if held_out else ''}"] = [
                            r for r, e in zip(results, entries) if low <= len(e[1].things[0].text) <= high]
                for name, some in rows.items():
                    figures[name] = row = summary(some)
                    told = "" if row["fps"] is None else f"{row['fps']:.1%}"
                    print(f"| {name} | {row['n']} | " + " | ".join(f"{row[p]:.1%}" for p in PARTS) + f" | {told} |", flush=True)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
