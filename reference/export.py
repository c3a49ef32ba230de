"""Writes a checkpoint folder from the training states of the TAE and of the DiT with its text encoders.

Weights are the running averages, in f16; the transformer is sharded. README.md in the folder is left as it is.
    python3 export.py --tae TAE/last.pt --dit DIT/last.pt --out ../models/shapes-world --guidance 4
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from moviegen_reference import world
from moviegen_reference.dit import DiT
from moviegen_reference.tae import TAE
from moviegen_reference.text import MAX_LENGTH, TextEncoders
from moviegen_reference.vision import Vision
from train_dit import Model

SHARD_BYTES = 4_000_000
EXAMPLES = [
    "a small blue circle moves right on a black background",
    "a blue star grows on a white background",
    "a big yellow square circles clockwise on a navy background",
    "With a gray background, an orange cross getting smaller.",
]


def halves(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for name, tensor in state.items():
        if not tensor.abs().max() < 60000:
            raise ValueError(f"export: {name} reaches {tensor.abs().max()}, which f16 does not hold")
    return {name: tensor.half().contiguous() for name, tensor in state.items()}


def write_json(path: Path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def save_sharded(state: dict[str, torch.Tensor], folder: Path):
    """`model-00001-of-0000N.safetensors` and their index, as large public checkpoints come."""
    shards: list[dict] = [{}]
    for name, tensor in state.items():
        held = sum(t.numel() * 2 for t in shards[-1].values())
        if shards[-1] and held + tensor.numel() * 2 > SHARD_BYTES:
            shards.append({})
        shards[-1][name] = tensor
    for old in folder.glob("model*.safetensors*"):
        old.unlink()
    weight_map = {}
    for i, shard in enumerate(shards):
        file = f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors"
        save_file(shard, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(shard, file)
    total = sum(t.numel() * 2 for t in state.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map})


def export(out: Path, tae: dict, tae_config: dict, dit: DiT, text: TextEncoders, index: dict, vision: Vision | None = None):
    """Writes all files of a checkpoint but its card: weights in f16, `model_index.json` with `index`, SHA256SUMS. `vision`: the
    image tower, of a transformer that reads reference pictures."""
    TAE(tae_config).load_state_dict(tae)
    write_json(out / "tae" / "config.json", tae_config)
    save_file(halves(tae), out / "tae" / "model.safetensors", metadata={"format": "pt"})

    state = halves(dict(dit.state_dict()))
    config = {k: v for k, v in dit.config.items()}
    type(dit)(config).load_state_dict({n: w.float() for n, w in state.items()})
    write_json(out / "transformer" / "config.json", config)
    save_sharded(state, out / "transformer")
    text.save(out)
    if vision is not None:
        halves(dict(vision.state_dict()))
        vision.save(out / "image_encoder")
    write_json(out / "model_index.json", {
        "_class_name": "MovieGenPipeline",
        "version": 1,
        "text_encoders": {name: f"text_encoder_{name}" for name in MAX_LENGTH},
        "transformer": "transformer",
        "tae": "tae",
        "max_length": MAX_LENGTH,
        **({"image_encoder": "image_encoder"} if vision is not None else {}),
        **index,
    })
    write_sums(out)


def write_sums(out: Path):
    """SHA256SUMS of all files of a checkpoint, also of those that it shares with the one beside it."""
    for file in out.rglob("*.safetensors"):
        file.chmod(0o644)
    index = json.loads((out / "model_index.json").read_text())
    places = [place for place in [*index.values(), *index.get("text_encoders", {}).values()] if str(place).startswith("../")]
    files = sorted(f for f in out.rglob("*") if f.is_file() and f.name != "SHA256SUMS")
    shared = sorted(f for place in places for f in (out / place).iterdir())
    paths = [str(f.relative_to(out)) for f in files] + [f"../{f.relative_to(out / '..')}" for f in shared]
    sums = [f"{hashlib.sha256((out / path).read_bytes()).hexdigest()}  {path}" for path in paths]
    (out / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    print(f"{len(files)} files, {sum(f.stat().st_size for f in files) / 1e6:.1f} MB in {out}")


def index_of(guidance: float, prompts: list[str], strip_quoted: bool = False) -> dict:
    return {
        "sampler": {"steps": 50, "guidance_scale": guidance, "schedule": "linear-quadratic", "n": 250},
        "video": {"width": world.SIZE, "height": world.SIZE, "num_frames": world.FRAMES, "fps": world.FPS},
        "strip_quoted": strip_quoted,
        "prompts": prompts,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tae", type=Path, required=True)
    parser.add_argument("--dit", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--guidance", type=float, default=7.5)
    args = parser.parse_args()

    tae = torch.load(args.tae, weights_only=False)
    dit = torch.load(args.dit, weights_only=False)
    model = Model({k: v for k, v in dit["config"].items() if k != "text_dims"}, dit.get("texts"))
    model.load_state_dict(dit["average"])
    config = tae["config"] | {"scaling_factor": dit["scale"], "shift_factor": dit["shift"]}
    export(args.out, tae["average"], config, model.dit, model.text, index_of(args.guidance, EXAMPLES))


if __name__ == "__main__":
    main()
