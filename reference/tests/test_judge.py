"""The judge against true clips (at least 99% right, also after a file format's losses) and against broken ones (all wrong).

`python3 -m unittest tests.test_judge` from `reference/`. The losses imitate 4:2:0 H.264: chroma at half resolution, then
coarsely quantized 8x8 cosine blocks.
"""

import random
import unittest

import numpy as np

from moviegen_reference import world
from moviegen_reference.judge import judge


def cosine_matrix() -> np.ndarray:
    k, n = np.mgrid[0:8, 0:8]
    return np.where(k == 0, np.sqrt(1 / 8), np.sqrt(1 / 4) * np.cos(np.pi * (2 * n + 1) * k / 16))


def lossy(video: np.ndarray, step: float = 20.0) -> np.ndarray:
    to_ycc = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    planes = np.moveaxis(video.astype(float) @ to_ycc.T, -1, 1)                       # [T, 3, H, W]
    T, _, H, W = planes.shape
    chroma = planes[:, 1:].reshape(T, 2, H // 2, 2, W // 2, 2).mean(axis=(3, 5))
    D = cosine_matrix()

    def quantize(plane):
        blocks = plane.reshape(T, plane.shape[1] // 8, 8, plane.shape[2] // 8, 8).transpose(0, 1, 3, 2, 4)
        blocks = D.T @ (np.round(D @ blocks @ D.T / step) * step) @ D
        return blocks.transpose(0, 1, 3, 2, 4).reshape(plane.shape)

    luma = quantize(planes[:, 0])
    chroma = np.stack([quantize(chroma[:, i]) for i in range(2)], axis=1).repeat(2, axis=2).repeat(2, axis=3)
    rgb = np.moveaxis(np.concatenate([luma[:, None], chroma], axis=1), 1, -1) @ np.linalg.inv(to_ycc).T
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8)


def clips(count: int, seed: int):
    rng = random.Random(seed)
    for _ in range(count):
        facts = world.random_facts(rng, held_out=rng.random() < 0.5)
        yield facts, world.draw(facts, world.random_offset(rng)), rng


class JudgeTest(unittest.TestCase):
    def share_right(self, count, change=lambda v: v):
        return sum(judge(change(video), facts)["right"] for facts, video, _ in clips(count, 5)) / count

    def test_every_prompt(self):
        wrong = [f.caption for f in world.all_facts()[::7] if not judge(world.draw(f, (1.3, -2.2)), f)["right"]]
        self.assertEqual(wrong, [])

    def test_true_clips(self):
        self.assertGreaterEqual(self.share_right(300), 0.99)

    def test_true_clips_through_a_lossy_file(self):
        self.assertGreaterEqual(self.share_right(300, lossy), 0.99)

    def test_size_word(self):
        sized = [judge(video, facts)["size"] for facts, video, _ in clips(200, 6)]
        known = [s for s in sized if s is not None]
        self.assertGreaterEqual(sum(known) / len(known), 0.95)

    def test_other_prompts_are_wrong(self):
        for facts, video, rng in clips(60, 7):
            other = world.random_facts(rng)
            same = (other.triple, other.background) == (facts.triple, facts.background)
            self.assertEqual(judge(video, other)["right"], same)

    def test_broken_videos_are_wrong(self):
        moving = [(f, v, r) for f, v, r in clips(60, 8) if f.motion != "stays still"]
        for facts, video, rng in moving:
            noise = np.random.default_rng(rng.randrange(2**32)).integers(0, 256, video.shape, dtype=np.uint8)
            order = rng.sample(range(len(video)), len(video))
            empty = np.broadcast_to(np.array(world.BACKGROUNDS[facts.background], np.uint8), video.shape)
            broken = {
                "empty": empty,
                "frozen": np.broadcast_to(video[rng.randrange(16)], video.shape),
                "shuffled": video[order],
                "noise": noise,
                "half noise": ((video.astype(int) + noise) // 2).astype(np.uint8),
                "reversed": video[::-1],
                "scrambled": np.random.default_rng(1).permuted(video.reshape(16, -1, 3), axis=1).reshape(video.shape),
            }
            for name, bad in broken.items():
                self.assertFalse(judge(bad, facts)["right"], f"{name}: {facts.caption}")
        self.assertGreater(len(moving), 45)

    def test_noise_and_flat_videos_have_no_words(self):
        noise = np.random.default_rng(2).integers(0, 256, (16, 64, 64, 3), dtype=np.uint8)
        for video in (noise, np.full((16, 64, 64, 3), 16, np.uint8)):
            seen = judge(video, world.Facts("red", "circle", "stays still", "black"))["seen"]
            self.assertIsNone(seen["shape"])
            self.assertIsNone(seen["motion"])


if __name__ == "__main__":
    unittest.main()
