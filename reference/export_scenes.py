"""Writes a checkpoint folder from the stages of `train_scenes.py`.

    python3 export_scenes.py --work WORK --out ../models/scene-world [--dit average] [--guidance 5]
"""

import argparse
from pathlib import Path

import torch

from export import export, index_of
from moviegen_reference import scenes
from train_scenes import Model, Run

EXAMPLES = [
    "a small blue circle moves right on a black background",
    'the red word "HI" moves up on a white background',
    "a big yellow square circles clockwise and a purple star stays still on a navy background",
    "a green triangle moves left on a black and gray checkerboard background, the camera zooms in",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "scene_world.json")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dit", default="average", help="the stage whose weights are taken")
    parser.add_argument("--guidance", type=float, default=5.0)
    args = parser.parse_args()
    args.minutes, args.scale = 0.0, 1.0
    run = Run(args)
    tae, dit = run.state("tae_video"), run.state(args.dit)
    model = Model(run, dit["dit"]["max_grid"])
    model.load_state_dict({n: w.cpu() for n, w in dit["average"].items()})
    config = tae["config"] | {"scaling_factor": dit["scale"], "shift_factor": dit["shift"]}
    weights = {n: w.cpu() for n, w in tae["average"].items()}
    index = index_of(args.guidance, EXAMPLES, strip_quoted=True) | {"world": "scenes"}
    export(args.out, weights, config, model.dit, model.text, index)


if __name__ == "__main__":
    main()
