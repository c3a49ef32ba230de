"""Training on a user's own videos, end to end: a dozen clips are generated and curated by the command line, then the
autoencoder, its latents and the transformer are made of them. Needs FFmpeg's command line, and the library built."""

import contextlib
import io
import json
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import torch

import cache_latents
import train_dit
import train_tae
from moviegen_reference.manifest import Manifest, caption_of

MOVIEGEN = Path(__file__).parents[2] / "packages/moviegen/bin/moviegen.js"
CLIPS = 12


def generate(folder: Path):
    """Half of the clips show a zoom, half a moving test picture; of one caption each. The last one does not move."""
    for i in range(CLIPS):
        still = i == CLIPS - 1
        source = (f"mandelbrot=size=96x64:rate=16:start_scale={3 - 0.2 * i}:end_scale=0.05:end_pts=80" if i % 2 else
                  f"testsrc2=size=96x64:rate=16,rotate={i}*0.1+0.5*t,hue=h={30 * i}")
        source = "color=c=gray:size=96x64:rate=16" if still else source
        subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", source, "-t", "5", "-pix_fmt", "yuv420p",
                        str(folder / f"clip-{i:02d}.mp4")], check=True)
        (folder / f"clip-{i:02d}.txt").write_text(f"number {i}: " + ("a fractal grows" if i % 2 else "a test picture turns") + "\n")


def run(module, *args: str) -> str:
    out = io.StringIO()
    with mock.patch.object(sys, "argv", [module.__name__, *args]), contextlib.redirect_stdout(out):
        module.main()
    return out.getvalue()


class Training(unittest.TestCase):
    def test_from_a_folder_to_a_transformer(self):
        with tempfile.TemporaryDirectory() as work:
            clips, manifest = Path(work) / "clips", Path(work) / "manifest.jsonl"
            clips.mkdir()
            generate(clips)
            subprocess.run(["node", MOVIEGEN, "curate", clips, "-o", manifest, "--min-motion", "0.5", "--max-jitter", "9", "-q"],
                           check=True, capture_output=True)
            lines = [json.loads(line) for line in manifest.read_text().splitlines()]
            self.assertEqual(len(lines), CLIPS)
            self.assertEqual([line["file"] for line in lines if not line["kept"]], [f"clips/clip-{CLIPS - 1}.mp4"])
            self.assertRegex(lines[0]["caption"], r"^FPS-16\. .*number 0: a test picture turns$")

            data = Manifest(manifest, 64, 16, 16)
            self.assertFalse({line["file"] for line in data.lines} & {line["file"] for line in data.unseen_lines})
            video, cover = data.draw(random.Random(0), 16, 32)
            self.assertEqual((video.shape, video.dtype, cover.shape), ((16, 32, 32, 3), np.uint8, (16, 32, 32)))
            self.assertEqual(data.decoded(data.lines[0]).shape, (80, 64, 64, 3))
            self.assertRegex(data.captioned(random.Random(0), 16)[1], r"^(?!FPS).*number \d+: a ")
            with self.assertRaisesRegex(ValueError, "none of 200 frames at 16 a second"):
                Manifest(manifest, 64, 16, 200)

            tae, latents, dit = (str(Path(work) / name) for name in ("tae", "latents", "dit"))
            small = {"block_out_channels": [4, 6, 6, 8]}
            with mock.patch.object(train_tae, "CONFIG", train_tae.CONFIG | small):
                said = run(train_tae, "video", "--manifest", str(manifest), "--out", tae, "--minutes", "0.02", "--batch", "1", "--crop", "32")
            self.assertTrue(0 < json.loads(said.splitlines()[-1])["unseen"]["psnr"] < 60)
            run(cache_latents, "--tae", f"{tae}/last.pt", "--out", latents, "--manifest", str(manifest), "--shards", "1", "--clips", "12")
            said = run(train_dit, "--latents", latents, "--out", dit, "--minutes", "0.02", "--batch", "2", "--width", "32",
                       "--layers", "1", "--heads", "1", "--ffn", "48")
            self.assertTrue(0 < json.loads(said.splitlines()[-1])["loss"] < 10)
            saved = torch.load(f"{dit}/last.pt", weights_only=False)
            model = train_dit.Model({k: v for k, v in saved["config"].items() if k != "text_dims"}, saved["texts"])
            model.load_state_dict(saved["average"])
            ids = model.text.tokenize(["number 3: a fractal grows"])["ul2"][0]
            self.assertNotIn(2, ids)  # every word is known: the vocabulary is the captions'

    def test_captions_without_the_rate_in_front(self):
        self.assertEqual(caption_of({"caption": "FPS-24. pan left. a dog"}), "pan left. a dog")
        self.assertIsNone(caption_of({}))


if __name__ == "__main__":
    unittest.main()
