"""Samples the fixed evaluation prompts (world.py) with a checkpoint, judges the videos and measures the TAE.

    python3 evaluate.py ../models/shapes-world --json figures.json
    python3 evaluate.py ../models/shapes-world --validation --guidance 2 3 4 5 7.5     to choose the guidance scale
The figures are of frames as they leave the decoder; those of the model card went through the mp4 of `npx moviegen`.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from moviegen_reference import world
from moviegen_reference.judge import judge
from moviegen_reference.pipeline import Pipeline, load_pipeline

PARTS = ("right", "colour", "shape", "motion", "background")


def evaluate_prompts(pipeline: Pipeline, entries: list[dict], steps: int, guidance: float) -> tuple[np.ndarray, list[dict]]:
    prompts, seeds = [e["prompt"] for e in entries], [e["seed"] for e in entries]
    with torch.autocast("cpu", torch.bfloat16, enabled=False):
        videos = pipeline.decode(pipeline.latents(prompts, seeds, steps, guidance)).numpy()
    facts = [world.Facts(e["colour"], e["shape"], e["motion"], e["background"]) for e in entries]
    sizes = [world.parse(p).size for p in prompts]
    results = [
        e | judge(v, world.Facts(f.colour, f.shape, f.motion, f.background, z))
        for e, v, f, z in zip(entries, videos, facts, sizes)
    ]
    return videos, results


def share(results: list[dict], part: str) -> float:
    return sum(r[part] for r in results) / max(len(results), 1)


def table(results: list[dict], title: str = "prompts") -> str:
    lines = [f"| {title} | n | " + " | ".join(PARTS) + " |", "|---" * (len(PARTS) + 2) + "|"]
    groups = {
        "trained": [r for r in results if not r["held_out"]],
        "held out": [r for r in results if r["held_out"]],
        "other wordings": [r for i, r in enumerate(results) if r["seed"] % 48 < 16],
    }
    for name, group in groups.items():
        lines.append(f"| {name} | {len(group)} | " + " | ".join(f"{share(group, p):.1%}" for p in PARTS) + " |")
    return "\n".join(lines)


def sheet(videos: np.ndarray, path: Path, columns: int = 4):
    """A picture of frames 0, 5, 10, 15 of each video, for the eye."""
    from PIL import Image

    strips = [np.concatenate(list(v[[0, 5, 10, 15]]), axis=1) for v in videos]
    strips += [np.zeros_like(strips[0])] * (-len(strips) % columns)
    rows = [np.concatenate(strips[i : i + columns], axis=1) for i in range(0, len(strips), columns)]
    Image.fromarray(np.concatenate(rows)).save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float, nargs="*", help="default: the checkpoint's own")
    parser.add_argument("--every", type=int, default=1, help="take every n-th prompt")
    parser.add_argument("--validation", action="store_true", help="another list by the same rule, for choosing")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--videos", type=Path, help="folder for the videos as .npy and sheet.png")
    parser.add_argument("--against", type=Path, help="videos of the same prompts by --videos: prints the PSNR against them")
    parser.add_argument("--psnr-clips", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    pipeline, index = load_pipeline(args.checkpoint)
    entries = world.evaluation_prompts(world.VALIDATION_SEED if args.validation else world.EVALUATION_SEED)[:: args.every]
    steps = args.steps or index["sampler"]["steps"]
    report = {"steps": steps, "guidance": {}}
    if args.psnr_clips:
        from train_tae import evaluate, unseen_clips

        report["tae"] = evaluate(pipeline.tae, unseen_clips(args.psnr_clips))
        print(f"TAE on {args.psnr_clips} unseen clips: {report['tae']}", flush=True)
    for guidance in args.guidance or [index["sampler"]["guidance_scale"]]:
        started = time.time()
        videos, results = evaluate_prompts(pipeline, entries, steps, guidance)
        print(f"\nguidance {guidance}, {steps} steps, {time.time() - started:.0f} s\n{table(results)}", flush=True)
        report["guidance"][str(guidance)] = {
            "trained": {p: share([r for r in results if not r["held_out"]], p) for p in PARTS},
            "held_out": {p: share([r for r in results if r["held_out"]], p) for p in PARTS},
            "results": results,
        }
        if args.against:
            squares = ((videos.astype(np.float64) - np.load(args.against)) ** 2).reshape(len(videos), -1).mean(1)
            decibels = 10 * np.log10(255**2 / np.array([squares.mean(), squares.max()]))
            print(f"PSNR against {args.against}: {decibels[0]:.2f} dB over all videos, {decibels[1]:.2f} dB the worst")
        if args.videos:
            args.videos.mkdir(parents=True, exist_ok=True)
            np.save(args.videos / f"guidance-{guidance}.npy", videos)
            sheet(videos, args.videos / f"sheet-{guidance}.png")
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
