"""A user's own videos as training data: the kept clips of a manifest that `moviegen curate` wrote.

Clips are decoded by FFmpeg's command line, at one rate and size (scaled to cover it, its middle), when they are first drawn,
and kept in memory as far as that goes. Not here: measures and filters, which are the library's.
"""

import json
import random
import re
import subprocess
import zlib
from collections import OrderedDict
from pathlib import Path

import numpy as np

MEMORY = 2**30
"""Bytes of decoded clips that are kept."""
FRONT = re.compile(r"^FPS-\d+\. ")


def caption_of(line: dict) -> str | None:
    """The caption without the frame rate in front, which the text encoders put there themselves, at the rate of training."""
    return FRONT.sub("", line["caption"]) if line.get("caption") else None


class Manifest:
    """Clips of at least `frames` frames at `fps`. One file in ten is unseen: its clips are only measured on."""

    def __init__(self, file: Path, size: int, fps: int, frames: int):
        self.folder, self.size, self.fps = Path(file).parent, size, fps
        lines = [json.loads(text) for text in Path(file).read_text().splitlines() if text.strip()]
        kept = [line for line in lines if line["kept"]]
        long = [line for line in kept if (line["end"] - line["start"]) * fps >= frames]
        if not long:
            raise ValueError(f"manifest: {file} has {len(kept)} kept clips, none of {frames} frames at {fps} a second")
        files = sorted({line["file"] for line in long}, key=lambda name: (zlib.crc32(name.encode()), name))
        apart = set(files[: max(1, len(files) // 10)]) if len(files) > 1 else set()
        self.lines = [line for line in long if line["file"] not in apart]
        self.unseen_lines = [line for line in long if line["file"] in apart] or self.lines
        self.cache: OrderedDict[tuple, np.ndarray] = OrderedDict()

    def decoded(self, line: dict) -> np.ndarray:
        """u8 `[T, size, size, 3]`."""
        key = (line["file"], line["start"])
        if key in self.cache:
            self.cache.move_to_end(key)
            return self.cache[key]
        cover = f"scale={self.size}:{self.size}:force_original_aspect_ratio=increase:flags=area,crop={self.size}:{self.size}"
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-ss", str(line["start"]), "-t", str(line["end"] - line["start"]),
                   "-i", str(self.folder / line["file"]), "-vf", f"fps={self.fps},{cover}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
        try:
            done = subprocess.run(command, capture_output=True, check=True)
        except FileNotFoundError:
            raise RuntimeError("manifest: FFmpeg's command line is needed to read videos: apt-get install ffmpeg") from None
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"manifest: cannot read {line['file']}: {error.stderr.decode().strip()}") from None
        clip = np.frombuffer(done.stdout, np.uint8).reshape(-1, self.size, self.size, 3)
        self.cache[key] = clip
        while sum(c.nbytes for c in self.cache.values()) > MEMORY and len(self.cache) > 1:
            self.cache.popitem(last=False)
        return clip

    def window(self, line: dict, rng: random.Random, frames: int, crop: int) -> np.ndarray:
        """u8 `[frames, crop, crop, 3]`: some frames of a clip, at some place. At its end frames may be repeated."""
        clip = self.decoded(line)
        start = rng.randrange(max(1, len(clip) - frames + 1))
        y, x = (rng.randrange(self.size - crop + 1) for _ in range(2))
        which = np.minimum(np.arange(start, start + frames), len(clip) - 1)
        return clip[which, y : y + crop, x : x + crop]

    def draw(self, rng: random.Random, frames: int, crop: int) -> tuple[np.ndarray, np.ndarray]:
        """A window of a clip by chance, and a coverage `[frames, crop, crop]` of ones: every place counts alike."""
        video = self.window(rng.choice(self.lines), rng, frames, crop)
        return video, np.ones(video.shape[:3])

    def captioned(self, rng: random.Random, frames: int) -> tuple[np.ndarray, str]:
        """A window of a whole frame, and its caption; "" where there is none."""
        line = rng.choice(self.lines)
        return self.window(line, rng, frames, self.size), caption_of(line) or ""

    def unseen(self, count: int, frames: int) -> list[np.ndarray]:
        """The same windows of unseen clips each time."""
        rng = random.Random(77_000_001)
        return [self.window(self.unseen_lines[i % len(self.unseen_lines)], rng, frames, self.size) for i in range(count)]
