"""Scene world: shapes world is a part of it; what is drawn is what `scenes.py` says; captions name every fact."""

import random
import unittest

import numpy as np

from moviegen_reference import font, scene_draw, scenes, world


class Drawing(unittest.TestCase):
    def test_shapes_world_is_a_part(self):
        rng = random.Random(1)
        for _ in range(12):
            f, offset = world.random_facts(rng, rng.random() < 0.3), world.random_offset(rng)
            scene = scenes.Scene((scenes.Thing(f.colour, f.motion, f.shape, "", f.size),), (f.background,))
            self.assertEqual(scene.caption, f.caption)
            self.assertEqual(scene.held_out, f.held_out)
            got, want = scene_draw.draw(scene, [offset])[0].numpy(), world.draw(f, offset)
            self.assertLess((got != want).mean(), 1e-3)  # samples on an edge may fall to either side in f32

    def test_frame_rates_keep_speeds(self):
        thing = scenes.Thing("red", "moves right", "circle")
        at = {r: scene_draw.seen_path(scenes.Scene((thing,), ("black",), "", 24, r), 0, scene_draw.progress(24, r))[0][:, 0]
              for r in scenes.RATES}
        np.testing.assert_allclose(at[8][:8], at[16][:16:2])
        np.testing.assert_allclose(at[24][:24:3], at[8][:8])
        self.assertAlmostEqual(at[8][-1], world.TRAVEL / 2)

    def test_larger_canvases_scale(self):
        thing = scenes.Thing("red", "circles clockwise", "star", "", "big")
        small, large = (scene_draw.draw(scenes.Scene((thing,), ("black",), size=(k, k)))[1] for k in (64, 128))
        down = large.unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).mean(dim=(2, 4))
        self.assertLess((down - small).abs().mean(), 2e-3)

    def test_words_are_the_font(self):
        scene = scenes.Scene((scenes.Thing("black", "", text="A1"),), ("white",), "", 1)
        cover = scene_draw.draw(scene)[1][0].numpy()
        rows, columns = np.nonzero(cover > 0.5)
        box = cover[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        self.assertEqual(box.shape, (14, 22))
        np.testing.assert_array_equal(box[::2, ::2] > 0.5, font.bitmap("A1") == 1)

    def test_camera_moves_the_board(self):
        thing = scenes.Thing("red", "stays still", "circle", "", "small")
        left = scene_draw.draw(scenes.Scene((thing,), ("checkerboard", "black", "white"), "pans left"))[0]
        self.assertTrue((left[0, :, :48] == left[15, :, 16:]).all())
        still = scene_draw.draw(scenes.Scene((thing,), ("checkerboard", "black", "white")))[0]
        self.assertTrue((still[0] == still[15]).all() and (still[0] == left[0]).all())


class Words(unittest.TestCase):
    def test_every_fact_is_said(self):
        rng = random.Random(3)
        for _ in range(300):
            scene = scenes.random_scene(rng, frames=rng.choice(scenes.LENGTHS), held_out=None)
            for text in (scenes.caption(scene, rng), scenes.other_wording(scene, rng)):
                for thing in scene.things:
                    self.assertIn(f'"{thing.text}"' if thing.text else thing.shape, text if thing.text else text.lower())
                for word in (*scene.background, scene.camera):
                    self.assertIn(word, text.lower())

    def test_held_out_is_never_trained(self):
        rng = random.Random(4)
        for _ in range(300):
            self.assertFalse(scenes.random_scene(rng).held_out)
        self.assertTrue(all(s.held_out for _, s in scenes.evaluation_scenes("word", 24, held_out=True)))

    def test_standard_forms(self):
        two = scenes.Scene((scenes.Thing("red", "moves right", "circle", "", "small"), scenes.Thing("blue", "stays still", "star", "", "big")), ("black",))
        self.assertEqual(two.caption, "a small red circle moves right and a big blue star stays still on a black background")
        word = scenes.Scene((scenes.Thing("black", "moves up", text="HI"),), ("white",))
        self.assertEqual(word.caption, 'the word "HI" moves up on a white background')


if __name__ == "__main__":
    unittest.main()
