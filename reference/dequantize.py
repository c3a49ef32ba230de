"""Writes the plain f32 copy of a checkpoint that `moviegen quantize` has made, for whoever reads plain files only.

    npx moviegen quantize models/shapes-world --dtype q4 --output /tmp/q4
    cd reference && python3 dequantize.py /tmp/q4 /tmp/q4-plain && python3 evaluate.py /tmp/q4-plain
"""

import argparse
import json
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

from moviegen_reference import quantize


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path, help="a folder that is not there yet")
    args = parser.parse_args()
    shutil.copytree(args.checkpoint, args.output, ignore=shutil.ignore_patterns("*.safetensors", "SHA256SUMS"))
    for path in sorted(args.checkpoint.rglob("*.safetensors")):
        plain = {name: w.float() if w.is_floating_point() else w for name, w in quantize.decode_file(load_file(path)).items()}
        target = args.output / path.relative_to(args.checkpoint)
        save_file({name: w.contiguous() for name, w in plain.items()}, target, {"format": "pt"})
        index = target.parent / "model.safetensors.index.json"
        if index.exists():
            record = json.loads(index.read_text())
            names = [n for n, file in record["weight_map"].items() if file != target.name]
            record["weight_map"] = {n: record["weight_map"][n] for n in names} | dict.fromkeys(plain, target.name)
            index.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
