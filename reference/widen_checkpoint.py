"""Turns the transformer of a text-to-video checkpoint into one that is given more: its new channels are zero, so that at first
nothing changes. Training goes on from there.

    python3 widen_checkpoint.py ../models/shapes-world/transformer OUT --conditioning masked --tasks add remove recolour
"""

import argparse
import json
from pathlib import Path

from safetensors.torch import save_file

from moviegen_reference.conditioned import CHANNELS, widened
from moviegen_reference.dit import load_dit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transformer", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--conditioning", choices=CHANNELS)
    parser.add_argument("--tasks", nargs="*", default=[], help="names of tasks; a row more is for any task")
    parser.add_argument("--vision", type=int, help="width of an image tower whose states it shall read too")
    args = parser.parse_args()
    if not (args.conditioning or args.vision):
        parser.error("give --conditioning, --vision, or both")
    wide = widened(load_dit(args.transformer), args.conditioning, args.tasks, args.vision)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "config.json").write_text(json.dumps(wide.config, indent=2) + "\n")
    save_file({n: w.contiguous() for n, w in wide.state_dict().items()}, args.out / "model.safetensors", {"format": "pt"})


if __name__ == "__main__":
    main()
