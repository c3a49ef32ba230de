"""Draws clips of words or of patterns, encodes them with a checkpoint's TAE, and writes shards for `train_letters.py` and
`train_reference.py`. A shard KIND-SEED holds `latents` [n, 16, 2, 8, 8], f16 in the transformer's space, and the facts in its metadata.
"""

import json
import os
import random
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from moviegen_reference import letters, patterns, world


def clip(kind: str, rng: random.Random) -> tuple[dict, "object"]:
    """What is drawn, and the clip."""
    if kind == "letters":
        word = letters.random_word(rng)
        return asdict(word), letters.draw(word, letters.random_offset(rng))
    if kind == "reference":
        looks = patterns.random_looks(rng)
        return asdict(looks), patterns.draw(looks, world.random_offset(rng))
    facts = world.random_facts(rng)
    return asdict(facts), world.draw(facts, world.random_offset(rng))


def cache(kind: str, encode, args):
    for seed in range(args.seed, args.seed + args.shards):
        place, rng = args.out / f"{kind}-{seed:04d}.safetensors", random.Random(f"{kind} {seed}")
        if place.exists():
            continue
        records, clips = zip(*(clip(kind, rng) for _ in range(args.clips)))
        temporary = place.with_suffix(".part")
        save_file({"latents": encode(list(clips))}, temporary, metadata={"records": json.dumps(records)})
        os.replace(temporary, place)
        print(place.name, flush=True)


class Shards:
    """All shards of a kind in a folder."""

    def __init__(self, folder: Path, kind: str):
        self.latents, self.records = [], []
        for name in sorted(folder.glob(f"{kind}-*.safetensors")):
            with safe_open(name, "pt") as file:
                self.latents.append(file.get_tensor("latents"))
                self.records += json.loads(file.metadata()["records"])
        if not self.records:
            raise FileNotFoundError(f"{folder}: no shards of {kind}: run the stage cache first")
        self.latents = torch.cat(self.latents)

    def draw(self, rng: random.Random) -> tuple[torch.Tensor, dict]:
        i = rng.randrange(len(self.records))
        return self.latents[i].float(), self.records[i]
