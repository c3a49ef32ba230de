"""Philox against the known answers of Random123, and our normals against what a normal distribution must show."""

import unittest

import numpy as np
import torch

from moviegen_reference import philox

# kat_vectors of Random123, lines `philox4x32 10`: counter, key, words.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def parse(text):
    return [int(word, 16) for word in text.split()]


class Philox(unittest.TestCase):
    def test_known_answers(self):
        for counter, key, expected in KNOWN_ANSWERS:
            got = philox.philox_4x32_10(np.array([parse(counter)], dtype=np.uint64), tuple(parse(key)))
            self.assertEqual(got[0].tolist(), parse(expected))

    def test_an_element_does_not_depend_on_the_split(self):
        whole = philox.normal((1000,), 7, (1, 2))
        for start, count in [(0, 1), (1, 2), (3, 5), (998, 2), (4, 400)]:
            part = slice(start, start + count)
            torch.testing.assert_close(philox.normal((count,), 7, (1, 2), start), whole[part], rtol=0, atol=0)
            np.testing.assert_array_equal(philox.words(1000, 7, (1, 2))[part], philox.words(count, 7, (1, 2), start))

    def test_uniform_is_exact_in_f32_and_open(self):
        ends = philox.uniform(np.array([0, 0xFFFFFFFF], dtype=np.uint32))
        self.assertEqual(ends.tolist(), [2.0**-24, 1 - 2.0**-24])
        u = philox.uniform(philox.words(10000, 3))
        np.testing.assert_array_equal(u.astype(np.float32).astype(np.float64), u)

    def test_moments(self):
        z = philox.normal((1 << 20,), 123, dtype=torch.float64)
        for power, moment, spread in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
            error = (z**power).mean().item() - moment
            self.assertLess(abs(error), 4 * (spread / z.numel()) ** 0.5, f"moment {power}")
        self.assertLess(abs((z[:-1] * z[1:]).mean().item()), 4e-3)

    def test_seed_out_of_range(self):
        with self.assertRaisesRegex(ValueError, "2\\^64"):
            philox.normal((4,), 2**64)


if __name__ == "__main__":
    unittest.main()
