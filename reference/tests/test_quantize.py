"""Quantised weights: what encoding and decoding lose, and that a file says all that is needed."""

import tempfile
import unittest

import torch
from safetensors.torch import load_file, save_file

from moviegen_reference import quantize


class Quantize(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.weight = torch.randn(8, 128)

    def test_every_number_is_within_half_a_step(self):
        for format, slack in (("q8", 0.5), ("q4", 1.0)):  # q4: the side away from m ends at 7 steps of 8
            codes, scale = quantize.encode(self.weight, format)
            steps = (quantize.decode(codes, scale) - self.weight).reshape(8, 4, 32) / scale.float()[..., None]
            self.assertLessEqual(steps.abs().max().item(), slack + 0.1)

    def test_loss(self):
        for format, most in (("q8", 0.007), ("q4", 0.1)):
            decoded = quantize.decode(*quantize.encode(self.weight, format))
            self.assertLess(((decoded - self.weight).norm() / self.weight.norm()).item(), most)

    def test_the_largest_number_of_q4_is_exact(self):
        row = torch.linspace(-1, 0.5, 32)[None]
        self.assertEqual(quantize.decode(*quantize.encode(row, "q4"))[0, 0].item(), -1)
        self.assertEqual(quantize.decode(*quantize.encode(-row, "q4"))[0, 0].item(), 1)

    def test_zeros(self):
        for format in ("q8", "q4"):
            codes, scale = quantize.encode(torch.zeros(1, 32), format)
            self.assertEqual(scale.view(torch.int16).item(), 0)
            self.assertTrue((quantize.decode(codes, scale) == 0).all())

    def test_encoding_again_changes_nothing(self):
        for format in ("q8", "q4"):
            once = quantize.encode(self.weight, format)
            again = quantize.encode(quantize.decode(*once), format)
            self.assertTrue(all(torch.equal(a, b) for a, b in zip(once, again)))

    def test_a_file_is_read_without_more_knowledge(self):
        for format in ("q8", "q4"):
            codes, scale = quantize.encode(self.weight, format)
            with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
                save_file({f"a.weight.{format}": codes, "a.weight.scale": scale, "b.scale": torch.ones(2)}, file.name)
                plain = quantize.decode_file(load_file(file.name))
            self.assertEqual(sorted(plain), ["a.weight", "b.scale"])
            self.assertTrue(torch.equal(plain["a.weight"], quantize.decode(codes, scale)))


if __name__ == "__main__":
    unittest.main()
