"""Draws what the jobs of shapes world are given and should make, encodes it with a checkpoint's TAE, and writes shards for
`train_jobs.py`.

    python3 cache_jobs.py --checkpoint ../models/shapes-world --out LATENTS --shards 32 --seed 0

A shard `edits-SEED` holds n clips (`before`, `after`: [n, 16, 2, 8, 8]), the first and last frame of `after` alone (`first`,
`last`: [n, 16, 1, 8, 8]), and in its metadata the edits and their facts. A shard `long-SEED` holds windows of longer clips:
`given` [n, 16, 2, 8, 8], 16 frames encoded alone, and `whole` [n, 16, 4, 8, 8], the same with the 16 frames after them.
Latents are f16 in the transformer's space.
"""

import argparse
import json
import os
import random
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from moviegen_reference import jobs, world
from moviegen_reference.pipeline import load_pipeline
from moviegen_reference.training import autocast
from train_tae import to_video


class Encoder:
    """A checkpoint's autoencoder, or with `tae` that of a training state of `train_tae.py`, into the transformer's space."""

    def __init__(self, checkpoint: Path, tae: Path | None = None):
        pipeline, _ = load_pipeline(checkpoint)
        if tae:
            pipeline.tae.load_state_dict(torch.load(tae, weights_only=False)["average"])
        self.tae = pipeline.tae.to(memory_format=torch.channels_last).eval()

    @torch.no_grad()
    def __call__(self, clips) -> torch.Tensor:
        with autocast():
            parts = [self.tae.encode(to_video(clips[i : i + 8]))[0].float() for i in range(0, len(clips), 8)]
        return self.tae.to_model_space(torch.cat(parts)).half().contiguous()


def write(path: Path, tensors: dict, records: list[dict]):
    temporary = path.with_suffix(".part")
    save_file(tensors, temporary, metadata={"records": json.dumps(records)})
    os.replace(temporary, path)
    print(path.name, flush=True)


def edits(encode: Encoder, seed: int, clips: int, out: Path):
    rng, made = random.Random(3_000_000 + seed), []
    while len(made) < clips:
        facts, task = world.random_facts(rng), rng.choice(jobs.TASKS)
        if jobs.can(task, facts):
            made.append((jobs.draw_edit(facts, task, rng), world.random_offset(rng)))
    def clip(facts, edit, offset):
        return jobs.empty(edit.background) if facts is None else jobs.draw(facts, offset)
    before = [clip(edit.before, edit, offset) for edit, offset in made]
    after = [clip(edit.after, edit, offset) for edit, offset in made]
    tensors = {"before": encode(before), "after": encode(after), "first": encode([c[:1] for c in after]),
               "last": encode([c[-1:] for c in after])}
    write(out / f"edits-{seed:04d}.safetensors", tensors, [asdict(edit) for edit, _ in made])


def long(encode: Encoder, seed: int, clips: int, out: Path):
    rng, records, given, whole = random.Random(4_000_000 + seed), [], [], []
    for _ in range(clips):
        facts, frames = world.random_facts(rng), rng.choice((32, 48, 48))
        video = jobs.draw(facts, world.random_offset(rng), frames)
        start = rng.choice(range(0, frames - 31, 16))
        given.append(video[start : start + 16])
        whole.append(video[start : start + 32])
        records.append({"facts": asdict(facts), "frames": frames, "start": start})
    write(out / f"long-{seed:04d}.safetensors", {"given": encode(given), "whole": encode(whole)}, records)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=32)
    parser.add_argument("--clips", type=int, default=256, help="a shard")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    encode = Encoder(args.checkpoint)
    for seed in range(args.seed, args.seed + args.shards):
        edits(encode, seed, args.clips, args.out)
        if seed % 2 == 0:
            long(encode, seed, args.clips, args.out)


if __name__ == "__main__":
    main()
