"""Draws clips of words, of patterns or of shapes, encodes them with a checkpoint's TAE, and writes shards for `train_letters.py` and
`train_jobs.py`. A shard KIND-SEED holds `latents` [n, 16, 2, 8, 8], f16 in the transformer's space, and the facts in its metadata.

    python3 cache_world.py reference --checkpoint ../models/shapes-world-jobs --out OUT --shards 32
    python3 cache_world.py letters shapes --checkpoint ../models/shapes-world --tae TAE/last.pt --out OUT --shards 64
"""

import argparse
import json
import os
import random
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from cache_jobs import Encoder
from moviegen_reference import letters, patterns, world


def clip(kind: str, rng: random.Random, lengths: list[int], sizes: float, spaces: float) -> tuple[dict, "object"]:
    """What is drawn, and the clip."""
    if kind == "letters":
        word = letters.random_word(rng, lengths=lengths)
        if spaces and rng.random() < spaces:
            word = letters.with_space(word, rng)
        size = rng.choice(list(letters.SIZES[len(word.text)])) if sizes and rng.random() < sizes else ""
        return asdict(word) | {"size": size}, letters.draw(word, letters.random_offset(rng), size)
    if kind == "reference":
        looks = patterns.random_looks(rng)
        return asdict(looks), patterns.draw(looks, world.random_offset(rng))
    facts = world.random_facts(rng)
    return asdict(facts), world.draw(facts, world.random_offset(rng))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="+", choices=["letters", "reference", "shapes"])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--tae", type=Path, help="a last.pt of train_tae.py; without it the checkpoint's own")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=32)
    parser.add_argument("--clips", type=int, default=128, help="a shard")
    parser.add_argument("--lengths", type=int, nargs=3, default=[1, 1, 1], help="of letters: words of 1, 2 and 3 letters, in this proportion")
    parser.add_argument("--sizes", type=float, default=0.0, help="of letters: share of words that are drawn in the size of other lengths")
    parser.add_argument("--spaces", type=float, default=0.0, help="of letters: share of longer words with a space in place of a letter")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    encode = Encoder(args.checkpoint, args.tae)
    for seed in range(args.seed, args.seed + args.shards):
        for kind in args.kind:
            place, rng = args.out / f"{kind}-{seed:04d}.safetensors", random.Random(f"{kind} {seed}")
            if place.exists():
                continue
            records, clips = zip(*(clip(kind, rng, args.lengths, args.sizes, args.spaces) for _ in range(args.clips)))
            temporary = place.with_suffix(".part")
            save_file({"latents": encode(list(clips))}, temporary, metadata={"records": json.dumps(records)})
            os.replace(temporary, place)
            print(place.name, flush=True)


if __name__ == "__main__":
    main()
