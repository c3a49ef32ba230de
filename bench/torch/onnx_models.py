"""Writes the bench's models of Wan as ONNX, for ONNX Runtime Web: random weights, f32, inputs, and what PyTorch computes of them.

    npm run bench -- --cases cases.json
    python3 bench/torch/onnx_models.py cases.json FOLDER      # diffusers, onnx and onnxscript are installed
    npm run bench:peers -- --onnx FOLDER

NAME.onnx and NAME.safetensors (its inputs, and `y`) for every model that software adapters run, and models.json, which lists them.
"""

import argparse
import json
import re
from pathlib import Path

import torch
from safetensors.torch import save_file

from bench import wan_module


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    listed = []
    for spec in json.loads(arguments.cases.read_text())["models"]:
        if not spec["kind"].startswith("wan") or spec["hardware"]:
            continue
        torch.manual_seed(0)
        module, inputs = wan_module(spec, torch.float32, "cpu")
        file = re.sub("[^a-z0-9]+", "-", spec["name"].lower())
        save_file(inputs | {"y": module(**inputs).contiguous()}, arguments.out / f"{file}.safetensors")
        torch.onnx.export(
            module, tuple(inputs.values()), arguments.out / f"{file}.onnx", dynamo=True, external_data=False,
            input_names=list(inputs), output_names=["y"],
        )
        listed.append({"name": spec["name"], "file": file})
    (arguments.out / "models.json").write_text(json.dumps(listed, indent=1) + "\n")


if __name__ == "__main__":
    main()
