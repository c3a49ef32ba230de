"""The average of several finetuned checkpoints (Movie Gen section 3.2, its last step), over safetensors files.

    python3 average.py A/model.safetensors B/model.safetensors --weights 1 1 --out C/model.safetensors
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def average(states: list[dict[str, torch.Tensor]], weights: list[float]) -> dict[str, torch.Tensor]:
    """Weighted mean of each tensor in f32, in the first state's types. Names and shapes must agree."""
    first = states[0]
    for i, state in enumerate(states):
        differing = {n for n in first.keys() | state.keys() if n not in first or n not in state or first[n].shape != state[n].shape}
        if differing:
            raise ValueError(f"average: state {i} differs from the first in {sorted(differing)}")
    total = sum(weights)
    return {
        name: (sum(s[name].float() * (w / total) for s, w in zip(states, weights)) if tensor.is_floating_point() else tensor)
        .to(tensor.dtype).contiguous()
        for name, tensor in first.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--weights", type=float, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    weights = args.weights or [1.0] * len(args.files)
    if len(weights) != len(args.files):
        parser.error(f"{len(args.files)} files, but {len(weights)} weights")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save_file(average([load_file(f) for f in args.files], weights), args.out, metadata={"format": "pt"})


if __name__ == "__main__":
    main()
