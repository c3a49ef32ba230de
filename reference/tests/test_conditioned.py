"""A transformer that is given more: with zero channels it is the base model, whatever it is given."""

import unittest

import torch

from moviegen_reference.conditioned import widened
from moviegen_reference.dit import DiT, default_config
from moviegen_reference.giving import guided_thrice, started

CONFIG = default_config(
    in_channels=4, hidden_size=32, num_layers=2, num_heads=2, ffn_hidden_size=40, timestep_dim=16, max_grid=[2, 3, 3],
    text_dims={"ul2": 8},
)


class TestConditioned(unittest.TestCase):
    def test_widened_is_the_base_model(self):
        torch.manual_seed(0)
        base = DiT(CONFIG)
        for p in base.parameters():
            torch.nn.init.normal_(p, std=0.2)
        base = base.double()
        x, t = torch.randn(1, 4, 2, 4, 6).double(), torch.tensor([0.3]).double()
        text, mask = {"ul2": torch.randn(1, 5, 8).double()}, {"ul2": torch.ones(1, 5).bool()}
        right = base(x, t, text, mask)
        for conditioning, channels in (("video", 4), ("masked", 5)):
            wide = widened(base, conditioning, ["add"]).double()
            given = torch.randn(1, channels, 2, 4, 6).double()
            self.assertLess((wide(x, t, text, mask, given=given) - right).abs().max(), 1e-12)
            self.assertGreater((wide(x, t, text, mask, given=given, tasks=[0]) - right).abs().max(), 1e-6)  # four keys of zero

    def test_guidance_in_three_branches(self):
        u = guided_thrice(lambda x, t: 1.0, lambda x, t: 3.0, lambda x, t: 7.0, 1, 5)
        self.assertEqual(u(0, 0), 3.0 + 5 * 4.0)  # g_v = 1: two branches
        u = guided_thrice(lambda x, t: 1.0, lambda x, t: 3.0, lambda x, t: 7.0, 2, 5)
        self.assertEqual(u(0, 0), 1.0 + 2 * 2.0 + 5 * 4.0)

    def test_started(self):
        x1, x0 = torch.ones(1, 2), torch.zeros(1, 2)
        self.assertIs(started(x1, x0, 1, [0.0, 0.5, 1.0])[0], x0)
        x, times = started(x1, x0, 0.75, [0.0, 0.25, 0.5, 1.0])
        self.assertEqual((x.tolist(), times), ([[0.25, 0.25]], [0.25, 0.5, 1.0]))


if __name__ == "__main__":
    unittest.main()
