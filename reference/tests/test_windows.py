"""MultiDiffusion's windows: the figures of the specification, and what must hold whatever the sizes are."""

import unittest

import torch

from moviegen_reference.windows import Windows, starts, weights


class TestWindows(unittest.TestCase):
    def test_golden_figures(self):
        s = starts(256, 14, 4)
        self.assertEqual((len(s), s[:5], s[-2:]), (26, [0, 9, 19, 29, 38], [232, 242]))
        ramp = [0.2, 0.4, 0.6, 0.8]
        self.assertEqual([round(w, 6) for w in weights(256, 14, 4)[2]], [*ramp, *[1.0] * 6, *ramp[::-1]])
        self.assertEqual(starts(68, 32, 8), [0, 18, 36])
        self.assertEqual(starts(120, 32, 8), [0, 22, 44, 66, 88])

    def test_one_window_is_the_video(self):
        windows = Windows((4, 3, 8, 8), (14, 32, 32), (4, 8, 8))
        x = torch.randn(4, 3, 8, 8)
        self.assertTrue(torch.equal(windows.velocity(lambda part, t, where: part.sin(), x, 0.0), x.sin()))

    def test_a_velocity_of_the_place_alone_is_kept(self):
        windows = Windows((4, 9, 16, 20), (4, 5, 6), (1, 2, 3))
        x = torch.randn(4, 9, 16, 20, dtype=torch.float64)
        got = windows.velocity(lambda part, t, where: part.sin(), x, 0.0)
        self.assertLess((got - x.sin()).abs().max(), 1e-12)
        self.assertGreater(windows.den.min(), 0)

    def test_two_windows_sum_to_one(self):
        windows = Windows((1, 256, 2, 2), (14, 1, 1), (4, 0, 0))
        self.assertLess((windows.den - 1).abs().max(), 1e-12)


if __name__ == "__main__":
    unittest.main()
