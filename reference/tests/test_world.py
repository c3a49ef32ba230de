"""Shapes world against its table: sizes, paths, captions, what is held out, and the fixed list of evaluation prompts."""

import random
import unittest

import numpy as np

from moviegen_reference import world


class WorldTest(unittest.TestCase):
    def test_areas(self):
        for shape in world.SHAPES:
            drawn = world.coverage(shape, 31.5, 31.5, 15.0).sum() / 15**2
            self.assertAlmostEqual(drawn, world.AREA[shape], delta=0.025)

    def test_paths(self):
        centre, radius = world.path("moves right", "small")
        np.testing.assert_allclose(centre[[0, -1]], [[-14, 0], [14, 0]])
        self.assertEqual(set(radius), {8.0})
        centre, _ = world.path("circles clockwise")
        np.testing.assert_allclose(centre[0], [0, -14], atol=1e-12)
        self.assertGreater(centre[3, 0], 0)  # on screen, clockwise from the top goes right first
        np.testing.assert_allclose(world.path("shrinks")[1][[0, -1]], [16, 6])

    def test_pixels(self):
        video = world.draw(world.Facts("red", "square", "stays still", "navy", "small"))
        self.assertEqual(video.shape, (16, 64, 64, 3))
        self.assertEqual(tuple(video[0, 0, 0]), world.BACKGROUNDS["navy"])
        self.assertEqual(tuple(video[7, 31, 31]), world.COLOURS["red"])

    def test_held_out(self):
        triples = {f.triple for f in world.all_facts() if f.held_out}
        self.assertEqual(len(triples), 51)
        self.assertIn((0, 0, 0), triples)
        rng = random.Random(0)
        self.assertFalse(any(world.random_facts(rng).held_out for _ in range(2000)))

    def test_captions_say_the_facts(self):
        self.assertEqual(
            world.Facts("orange", "circle", "stays still", "gray").caption,
            "an orange circle stays still on a gray background",
        )
        rng = random.Random(0)
        for _ in range(5000):
            facts = world.random_facts(rng)
            self.assertEqual(world.parse(world.caption(facts, rng)), facts)
            self.assertNotEqual(world.other_wording(facts, rng), facts.caption)

    def test_evaluation_prompts(self):
        prompts = world.evaluation_prompts()
        self.assertEqual(prompts, world.evaluation_prompts())
        self.assertEqual([p["held_out"] for p in prompts], [False] * 48 + [True] * 48)
        self.assertEqual(len({p["prompt"] for p in prompts}), 96)
        standard = [world.parse(p["prompt"]).caption == p["prompt"] for p in prompts]
        self.assertEqual(standard, ([False] * 16 + [True] * 32) * 2)


if __name__ == "__main__":
    unittest.main()
