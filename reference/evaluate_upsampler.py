"""Upscales the fixed set with a state of `train_upsampler.py`, or with a checkpoint folder, and judges the videos.

    python3 evaluate_upsampler.py --checkpoint ../models/shapes-world --states OUT --steps 1 4 20 --json figures.json
    python3 evaluate_upsampler.py --checkpoint ../models/shapes-world --upsampler ../models/shapes-world-upsampler
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from evaluate_jobs import figures
from moviegen_reference import philox, upscale, world
from moviegen_reference.conditioned import ConditionedDiT
from moviegen_reference.judge_jobs import psnr
from moviegen_reference.judge_upscale import judge_upscale
from moviegen_reference.upscale import Upsampler, enlarge, load_upsampler, through
from train_tae import to_video
from train_upsampler import WINDOW, autoencoders, temporal_autoencoder


def from_states(checkpoint: Path, states: Path) -> Upsampler:
    _, vae = autoencoders(checkpoint, states)
    if (states / "decoder.pt").exists():
        vae.load_state_dict(torch.load(states / "decoder.pt", weights_only=False)["average"])
    saved = torch.load(states / "transformer.pt", weights_only=False)
    dit = ConditionedDiT(saved["config"])
    dit.load_state_dict(saved["average"])
    return Upsampler(dit, vae, WINDOW, steps=4)


def to_bytes(video: torch.Tensor) -> np.ndarray:
    """`[1, 3, T, H, W]` in [-1, 1] to u8 `[T, H, W, 3]`."""
    return ((video.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)[0].permute(1, 2, 3, 0).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="whose TAE makes the small videos")
    parser.add_argument("--states", type=Path)
    parser.add_argument("--upsampler", type=Path)
    parser.add_argument("--steps", type=int, nargs="*", default=[None])
    parser.add_argument("--every", type=int, default=1, help="take every n-th sample")
    parser.add_argument("--frames", type=int, default=world.FRAMES, help="of each clip, from its start; fewer are not judged, but measured")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if (args.states is None) == (args.upsampler is None):
        parser.error("give either --states or --upsampler")
    torch.set_num_threads(1)
    upsampler = from_states(args.checkpoint, args.states) if args.states else load_upsampler(args.upsampler)
    tae, started = temporal_autoencoder(args.checkpoint), time.time()
    results: dict[str, list[dict]] = {}
    for sample in upscale.evaluation_set()[:: args.every]:
        given = to_bytes(through(tae, to_video([world.draw(sample.facts, sample.offset)])))[: args.frames]
        large = enlarge(to_video([given]))
        c, enlarged = upsampler.encode(large), to_bytes(large)
        truth = upscale.draw_large(sample.facts, sample.offset)[: args.frames]
        decoded = {"decoded": psnr(to_bytes(upsampler.decode(c)), truth),
                   "autoencoder": psnr(to_bytes(upsampler.decode(upsampler.encode(to_video([truth])))), truth)}
        for steps in args.steps:
            z = upsampler.sample(c, philox.normal(tuple(c.shape[1:]), sample.seed)[None].float(), steps)
            video = to_bytes(upsampler.decode(z))
            if args.frames == world.FRAMES:
                verdict = judge_upscale(video, given, enlarged, sample)
            else:
                verdict = {"psnr": psnr(video, truth), "bilinear": psnr(enlarged, truth)}
            results.setdefault(str(steps or upsampler.steps), []).append(verdict | decoded)
    for steps, verdicts in results.items():
        print(f"{steps} steps, {len(verdicts)} clips:", figures(verdicts), flush=True)
    print(f"{time.time() - started:.0f} s")
    if args.json:
        args.json.write_text(json.dumps({s: {"figures": figures(v), "results": v} for s, v in results.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
