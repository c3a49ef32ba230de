"""Writes a checkpoint folder of an upsampler from the states of `train_upsampler.py`: averaged weights in f16. README.md and
LICENSE in the folder are left as they are.

    python3 export_upsampler.py --checkpoint ../models/shapes-world --states OUT --out ../models/shapes-world-upsampler --steps 4
"""

import argparse
import shutil
from pathlib import Path

from safetensors.torch import save_file

from evaluate_upsampler import from_states
from export import halves, write_json, write_sums
from moviegen_reference.tae import TAE
from train_upsampler import WINDOW


def diffusers_config(vae: TAE) -> dict:
    """The keys of `AutoencoderKL`; `temporal` is for the reference, which knows both kinds."""
    levels, kept = len(vae.config["block_out_channels"]), dict(vae.config)
    return kept | {
        "down_block_types": ["DownEncoderBlock2D"] * levels, "up_block_types": ["UpDecoderBlock2D"] * levels, "act_fn": "silu",
        "sample_size": 128,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--states", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4)
    args = parser.parse_args()
    upsampler = from_states(args.checkpoint, args.states)
    for folder, model, file, config in (
        ("transformer", upsampler.dit, "model.safetensors", upsampler.dit.config),
        ("vae", upsampler.vae, "diffusion_pytorch_model.safetensors", diffusers_config(upsampler.vae)),
    ):
        write_json(args.out / folder / "config.json", config)
        save_file(halves(dict(model.state_dict())), args.out / folder / file, metadata={"format": "pt"})
    frames, overlap = WINDOW
    write_json(args.out / "model_index.json", {
        "_class_name": "MovieGenUpsamplerPipeline",
        "version": 1,
        "transformer": "transformer",
        "vae": "vae",
        "sampler": {"steps": args.steps, "guidance_scale": 1, "schedule": "linear"},
        "scale": 2,
        "window": {"frames": frames, "overlap": overlap},
        "tile": "none",
    })
    (args.out / "training").mkdir(exist_ok=True)
    shutil.copyfile(args.states / "log.jsonl", args.out / "training" / "transformer.jsonl")
    write_sums(args.out)


if __name__ == "__main__":
    main()
