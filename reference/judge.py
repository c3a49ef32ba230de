"""Judges videos against their prompts and prints one JSON line each, then the share that is right.

A video is a folder of PNG frames (`frame-0000.png` ...), or a u8 array `[T, H, W, 3]` in .npy or .safetensors (any name).
    python3 judge.py "a small blue circle moves right on a black background" FRAMES
    python3 judge.py --list LIST.json      [{"prompt": ..., "video": path, "held_out": bool}, ...]
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from moviegen_reference import world
from moviegen_reference.judge import judge


def read_video(path: Path) -> np.ndarray:
    if path.is_dir():
        from PIL import Image

        frames = [np.asarray(Image.open(p).convert("RGB")) for p in sorted(path.glob("*.png"))]
        if not frames:
            raise ValueError(f"judge: no PNG frames in {path}")
        return np.stack(frames)
    if path.suffix == ".npy":
        video = np.load(path)
    else:
        from safetensors.numpy import load_file

        (video,) = load_file(path).values()
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[-1] != 3:
        raise ValueError(f"judge: {path} holds {video.dtype} {list(video.shape)}, expected uint8 [T, H, W, 3]")
    return video


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompt", nargs="?")
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--list", type=Path)
    args = parser.parse_args()
    if args.list:
        entries = json.loads(args.list.read_text())
    elif args.prompt and args.video:
        entries = [{"prompt": args.prompt, "video": args.video}]
    else:
        parser.error("give a prompt and a video, or --list")
    right = []
    for entry in entries:
        result = judge(read_video(Path(entry["video"])), world.parse(entry["prompt"]))
        right.append(result["right"])
        print(json.dumps({"prompt": entry["prompt"], **result}))
    print(f"right: {sum(right)} of {len(right)}", file=sys.stderr)


if __name__ == "__main__":
    main()
