"""The judge of scene world: right on true clips of every kind, wrong on what is none. (On 144 true clips of all kinds,
sizes, lengths and rates, drawn with seed 1, it is right on all; of these a few are here.)"""

import dataclasses
import random
import unittest

import numpy as np

from moviegen_reference import scene_draw, scene_judge, scenes


def clip(scene, rng):
    return scene_draw.draw(scene, scene_draw.random_offsets(scene, rng))[0].numpy()


class Judge(unittest.TestCase):
    def test_true_clips(self):
        for kind in scenes.KINDS:
            rng = random.Random(f"true {kind}")
            for size, frames, fps in (((64, 64), 16, 16), ((64, 96), 8, 24), ((96, 64), 24, 8), ((64, 64), 1, 16)):
                scene = scenes.random_scene(rng, size, frames, fps, None, kind)
                verdict = scene_judge.judge(clip(scene, rng), scene)
                self.assertTrue(verdict["right"], (scene.caption, verdict))
                self.assertIsNot(verdict["fps"], False, (scene.caption, verdict))

    def test_other_facts_are_wrong(self):
        scene = scenes.Scene((scenes.Thing("red", "moves up", text="HI"),), ("black",))
        video = clip(scene, random.Random(0))
        thing = scene.things[0]
        others = [dataclasses.replace(thing, **change) for change in ({"text": "HT"}, {"colour": "pink"}, {"motion": "moves down"})]
        for other in [dataclasses.replace(scene, things=(t,)) for t in others] + [dataclasses.replace(scene, background=("navy",))]:
            self.assertFalse(scene_judge.judge(video, other)["right"], other)
        self.assertFalse(scene_judge.judge(video, dataclasses.replace(scene, fps=8))["fps"])

    def test_empty_frozen_shuffled_and_noise(self):
        rng = random.Random(5)
        for kind in scenes.KINDS:
            scene = scenes.random_scene(rng, held_out=None, kind=kind)
            while not any(t.motion.startswith("moves") for t in scene.things):
                scene = scenes.random_scene(rng, held_out=None, kind=kind)
            video = clip(scene, rng)
            order = np.random.default_rng(1)
            wrong = (np.full_like(video, 16), np.repeat(video[:1], 16, 0), video[order.permutation(16)],
                     order.integers(0, 256, video.shape, dtype=np.uint8))
            for k, other in enumerate(wrong):
                self.assertFalse(scene_judge.judge(other, scene)["right"], (scene.caption, k))

    def test_too_faint_a_word_has_no_letters(self):
        text, alike, points = scene_judge.read_word(np.full((2, 64, 64), 0.1), 1.0)
        self.assertEqual((text, alike), ("", 0.0))
        self.assertTrue(np.isnan(points).all())


if __name__ == "__main__":
    unittest.main()
