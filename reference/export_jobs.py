"""Writes a checkpoint folder from the training state of `train_jobs.py`: its transformer, text encoders and image tower, and the
TAE of the checkpoint that the training began with.

    python3 export_jobs.py --state OUT/last.pt --init ../models/shapes-world --out ../models/shapes-world-jobs --guidance 4
"""

import argparse
import json
from pathlib import Path

from export import export, index_of
from moviegen_reference.tae import load_tae
from train_jobs import load_trained

EXAMPLES = ["a small blue circle moves right on a black background", "a blue star grows on a white background"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--init", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--guidance", type=float, default=4.0)
    args = parser.parse_args()
    model = load_trained(args.state, args.init)
    index = json.loads((args.init / "model_index.json").read_text())
    tae = load_tae(args.init / index["tae"])
    export(args.out, tae.state_dict(), dict(tae.config), model.dit, model.text, index_of(args.guidance, EXAMPLES), model.vision)


if __name__ == "__main__":
    main()
