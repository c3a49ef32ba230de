"""A Wan transformer of the published width, by diffusers, whose weights and inputs are seeded numbers that the TypeScript side
draws too.

    python3 seeded_wan.py OUT.safetensors                        # two layers of the 1.3B's width, 1,560 tokens

test/large/seededWan.ts states the same rules: weight i of the names in order has seed 1000 + i; matrices are scaled by
1 / sqrt(inputs), norms' weights lie about 1, everything else is small. Of the output every STRIDE-th value is kept.
"""

import argparse
import json
import math
import time

import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import save_file

from moviegen_reference.philox import normal
from seeded_dit import fill

TEXT = 40  # rows that are not zeros, of 512
STRIDE = 251


def seeded(config: dict) -> WanTransformer3DModel:
    model = WanTransformer3DModel(**config).eval()
    with torch.no_grad():
        for i, (name, weight) in enumerate(sorted(model.named_parameters())):
            fill(weight.data, 1000 + i)
            if "norm" in name and name.endswith(".weight"):
                weight.mul_(0.1).add_(1)
            elif weight.dim() > 1 and "table" not in name:
                weight.mul_(1 / math.sqrt(weight[0].numel()))
            else:
                weight.mul_(0.1)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--ffn", type=int, default=8960)
    parser.add_argument("--latent", default="4,30,52", help="frames, height, width")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    config = dict(num_attention_heads=args.heads, attention_head_dim=128, ffn_dim=args.ffn, num_layers=args.layers)
    latent = tuple(int(n) for n in args.latent.split(","))
    begin = time.time()
    model = seeded(config)
    print(f"weights: {sum(p.numel() for p in model.parameters())} in {time.time() - begin:.0f} s", flush=True)
    begin = time.time()
    x = normal((1, 16, *latent), 1)
    text = torch.zeros(1, 512, 4096)
    text[:, :TEXT] = normal((1, TEXT, 4096), 2)
    with torch.no_grad():
        output = model(x, torch.tensor([640.0]), text, return_dict=False)[0]
    print(f"forward: {time.time() - begin:.0f} s", flush=True)
    metadata = {"config": json.dumps(config), "latent": json.dumps(latent), "stride": str(STRIDE)}
    save_file({"output": output.flatten()[::STRIDE].contiguous()}, args.out, metadata=metadata)


if __name__ == "__main__":
    main()
