"""Draws clips of trained triples, encodes them once with a trained TAE, and writes shards for `train_dit.py`.

A shard is `latents-SEED.safetensors`: `latents` f16 `[n, 16, 2, 8, 8]`, the posterior's mean before shift and scale, and
`facts` i32 `[n, 5]` (colour, shape, motion, background, size by their numbers). Shards are complete when they appear.
With --manifest the clips are a user's own, as `moviegen curate` chose them, and a shard has `captions` in its metadata instead of
`facts`.
    python3 cache_latents.py --tae OUT/last.pt --out LATENTS --shards 8 --seed 0
"""

import argparse
import json
import os
import random
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from moviegen_reference import distributed, world
from moviegen_reference.manifest import Manifest
from moviegen_reference.tae import TAE
from moviegen_reference.training import autocast
from train_tae import to_video

NAMES = (list(world.COLOURS), list(world.SHAPES), list(world.MOTIONS), list(world.BACKGROUNDS), list(world.RADII))


def numbers(f: world.Facts) -> list[int]:
    return [names.index(w) for names, w in zip(NAMES, (f.colour, f.shape, f.motion, f.background, f.size))]


def facts(row) -> world.Facts:
    return world.Facts(*(names[int(i)] for names, i in zip(NAMES, row)))


def load_trained(path: Path) -> TAE:
    saved = torch.load(path, weights_only=False)
    tae = TAE(saved["config"]).to(memory_format=torch.channels_last)
    tae.load_state_dict(saved["average"])
    return tae.eval()


@torch.no_grad()
def encode(tae: TAE, clips: list[np.ndarray]) -> torch.Tensor:
    with autocast():
        return tae.encode(to_video(clips))[0].float()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tae", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--clips", type=int, default=2048, help="a shard")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--manifest", type=Path, help="clips of a manifest of `moviegen curate`")
    args = parser.parse_args()
    distributed.start()
    args.out.mkdir(parents=True, exist_ok=True)
    tae = load_trained(args.tae)
    manifest = Manifest(args.manifest, world.SIZE, world.FPS, world.FRAMES) if args.manifest else None
    for seed in range(args.seed, args.seed + args.shards):
        rng, latents, rows = random.Random(1_000_000 + seed), [], []
        while len(rows) < args.clips:
            if manifest:
                clips, some = zip(*(manifest.captioned(rng, world.FRAMES) for _ in range(min(8, args.clips - len(rows)))))
            else:
                facts_drawn = [world.random_facts(rng) for _ in range(8)]
                clips, some = [world.draw(f, world.random_offset(rng)) for f in facts_drawn], [numbers(f) for f in facts_drawn]
            latents.append(encode(tae, list(clips)).half())
            rows += some
        tensors, metadata = {"latents": torch.cat(latents).contiguous()}, None
        if manifest:
            metadata = {"captions": json.dumps(rows)}
        else:
            tensors["facts"] = torch.tensor(rows, dtype=torch.int32)
        temporary = args.out / f"part-{seed}"
        save_file(tensors, temporary, metadata)
        os.replace(temporary, args.out / f"latents-{seed:04d}.safetensors")
        z = tensors["latents"].float()
        print(f"shard {seed}: mean {z.mean():.4f}, std {z.std():.4f}, per channel "
              + " ".join(f"{s:.2f}" for s in z.std(dim=(0, 2, 3, 4))), flush=True)


if __name__ == "__main__":
    main()
