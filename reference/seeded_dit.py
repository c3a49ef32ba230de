"""A DiT too large for a fixture: its weights and inputs are seeded numbers that the TypeScript side draws too.

    python3 seeded_dit.py OUT.safetensors                                  # two layers of 30b's width, 1,024 tokens
    python3 seeded_dit.py OUT.safetensors --layers 1 --latent 1,8,8        # one layer, 16 tokens
    python3 seeded_dit.py OUT.safetensors --size small                     # what the tests check

test/large/seeded.ts states the same rules: weight i of the names in order has seed 1000 + i; matrices are scaled by
1 / sqrt(inputs), norms' weights lie about 1, everything else is small.
"""

import argparse
import json
import math
import time

import torch
from safetensors.torch import save_file

from moviegen_reference.dit import DiT
from moviegen_reference.philox import normal

SIZES = {
    "30b": dict(hidden_size=6144, num_layers=2, num_heads=48, ffn_hidden_size=16384),
    "small": dict(hidden_size=96, num_layers=2, num_heads=4, ffn_hidden_size=160, timestep_dim=64,
                  text_dims={"ul2": 48, "metaclip": 32, "byt5": 24}),
}
LATENT = {"30b": (4, 32, 32), "small": (2, 8, 12)}            # T, H, W: 1,024 tokens; 48
LENGTHS = {"ul2": 40, "metaclip": 20, "byt5": 10}
BLOCK = 1 << 22


@torch.no_grad()
def fill(tensor: torch.Tensor, seed: int) -> None:
    """Normals of a seed, a few at a time: all at once they would take many times the tensor's memory."""
    flat = tensor.view(-1)
    for start in range(0, flat.numel(), BLOCK):
        count = min(BLOCK, flat.numel() - start)
        flat[start : start + count] = normal((count,), seed, start=start)


def seeded(config: dict) -> DiT:
    with torch.device("meta"):
        dit = DiT(config)
    dit = dit.to_empty(device="cpu").eval()
    with torch.no_grad():
        for i, (name, weight) in enumerate(sorted(dit.named_parameters())):
            fill(weight.data, 1000 + i)
            if name.endswith("norm.weight"):
                weight.mul_(0.1).add_(1)
            elif weight.dim() > 1 and "table" not in name and "pos_embed" not in name:
                weight.mul_(1 / math.sqrt(weight[0].numel()))
            else:
                weight.mul_(0.1)
    return dit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out")
    parser.add_argument("--size", choices=SIZES, default="30b")
    parser.add_argument("--layers", type=int, help="default: 2")
    parser.add_argument("--latent", help="frames, height, width; default: 4,32,32 for 30b, 1,024 tokens")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    config = SIZES[args.size] | ({"num_layers": args.layers} if args.layers else {})
    latent = tuple(int(n) for n in args.latent.split(",")) if args.latent else LATENT[args.size]
    begin = time.time()
    dit = seeded(config)
    print(f"weights: {sum(p.numel() for p in dit.parameters())} in {time.time() - begin:.0f} s", flush=True)
    begin = time.time()
    x = normal((1, 16, *latent), 1)
    text = {name: normal((1, LENGTHS[name], dim), 2 + i) for i, (name, dim) in enumerate(dit.config["text_dims"].items())}
    mask = {name: torch.ones(1, states.shape[1], dtype=torch.bool) for name, states in text.items()}
    with torch.no_grad():
        velocity = dit(x, torch.tensor([0.4]), text, mask)
    print(f"forward: {time.time() - begin:.0f} s", flush=True)
    metadata = {"size": args.size, "config": json.dumps(config), "latent": json.dumps(latent)}
    save_file({"velocity": velocity.contiguous()}, args.out, metadata=metadata)


if __name__ == "__main__":
    main()
