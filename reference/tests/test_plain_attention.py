"""Attention written out against PyTorch's own, values and gradients."""

import unittest

import torch
import torch.nn.functional as F

from moviegen_reference.plain_attention import plain_attention


class PlainAttention(unittest.TestCase):
    def test_is_pytorchs(self):
        torch.manual_seed(0)
        open_mask = torch.rand(2, 1, 1, 7) > 0.4
        open_mask[..., 0] = True
        cases = {
            "plain": {}, "scale": {"scale": 0.5}, "open": {"attn_mask": open_mask},
            "added": {"attn_mask": torch.randn(2, 3, 5, 7)}, "causal": {"is_causal": True},
        }
        for name, options in cases.items():
            length = 5 if name == "causal" else 7
            shapes = (2, 3, 5, 8), (2, 3, length, 8), (2, 3, length, 8)
            given = [torch.randn(shape, requires_grad=True) for shape in shapes]
            results = []
            for attention in (plain_attention, F.scaled_dot_product_attention):
                out = attention(*given, **options)
                results.append([out, *torch.autograd.grad(out.square().sum(), given)])
            for ours, theirs in zip(*results):
                self.assertLess(float((ours - theirs).abs().max() / theirs.abs().max()), 1e-5, name)


if __name__ == "__main__":
    unittest.main()
