"""Words, patterns and large clips of shapes world: the drawings, what is held out, and the judges on true clips and on clips with
one fact changed. `make_world_cases.py` asks the judges of all the fixed sets."""

import random
import unittest
from dataclasses import replace

import numpy as np
import torch

from make_world_cases import changed_looks, changed_word, doubled
from moviegen_reference import letters, patterns, upscale, world
from moviegen_reference.draws import Draws
from moviegen_reference.judge_letters import judge_letters
from moviegen_reference.judge_patterns import judge_patterns
from moviegen_reference.judge_upscale import judge_upscale
from moviegen_reference.tae import TAE, default_config
from moviegen_reference.text import quoted, without_quoted


class MoreWorldTest(unittest.TestCase):
    def test_draws(self):
        draws = Draws(1)
        self.assertEqual([draws.state for _ in range(2) if draws.next() >= 0], [1015568748, 1586005467])  # Numerical Recipes'

    def test_words(self):
        self.assertEqual(letters.bits("HI").shape, (7, 11))
        still = letters.Word("T", "red", "stays still", "black")
        clip = letters.draw(still)
        self.assertEqual(tuple(clip[0, 20, 32]), world.COLOURS["red"])     # the bar and the stem of a T of 20 x 28 pixels
        self.assertEqual(tuple(clip[0, 40, 26]), world.BACKGROUNDS["black"])
        self.assertEqual(still.caption, 'the word "T" stays still on a black background')
        for length in (1, 2):
            held = [letters.held_out(a + b) for a in letters.LETTERS for b in (letters.LETTERS if length == 2 else [""])]
            self.assertEqual(sum(held) * 2, len(held))
        rng = random.Random(0)
        for _ in range(50):                                                # the quoted part alone reaches the byte encoder
            word = letters.random_word(rng)
            caption = letters.caption(word, rng)
            self.assertIn(word.text, quoted(caption))
            self.assertNotIn('"', without_quoted(caption))
            self.assertFalse(word.held_out)

    def test_every_word_is_whole(self):
        rng = random.Random(1)
        for _ in range(12):
            word = letters.random_word(rng, held_out_too=True)
            clip = letters.draw(replace(word, motion=rng.choice(world.MOTIONS[:4])), (1.0, -1.0))
            border = np.concatenate([clip[:, 0], clip[:, -1], clip[:, :, 0], clip[:, :, -1]], axis=1)
            self.assertTrue((border == world.BACKGROUNDS[word.background]).mean() > 0.98, word)

    def test_judges(self):
        for i, sample in list(enumerate(letters.evaluation_set()))[:6]:
            part, other = changed_word(sample.word, i)
            self.assertTrue(judge_letters(letters.draw(sample.word, sample.offset), sample)["right"], sample)
            verdict = judge_letters(letters.draw(other, sample.offset), sample)
            self.assertEqual((verdict["right"], verdict[part]), (False, False), sample)
        samples = patterns.evaluation_set()
        for i, sample in list(enumerate(samples))[:6]:
            part, other = changed_looks(samples, i)
            self.assertTrue(judge_patterns(patterns.draw(sample.looks, sample.offset), sample, samples)["right"], sample)
            verdict = judge_patterns(patterns.draw(other, sample.offset), sample, samples)
            self.assertEqual((verdict["right"], verdict[part]), (False, False), sample)

    def test_large_clips(self):
        sample = upscale.evaluation_set()[0]
        small, large = world.draw(sample.facts, sample.offset), upscale.draw_large(sample.facts, sample.offset)
        shrunk = large.reshape(16, 64, 2, 64, 2, 3).mean(axis=(2, 4))
        self.assertLess(np.abs(shrunk - small).mean(), 0.5)                # the same clip, of more pixels
        true = judge_upscale(large, small, doubled(small), sample)
        self.assertTrue(true["right"] and true["right_before"])
        self.assertAlmostEqual(judge_upscale(doubled(small), small, doubled(small), sample)["psnr"], true["bilinear"])

    def test_image_autoencoder(self):
        torch.manual_seed(0)
        tae = TAE(default_config(block_out_channels=[4, 4, 8, 8], layers_per_block=1, norm_num_groups=1, mid_block_add_attention=False))
        for name, p in tae.named_parameters():
            if "temporal" in name:
                torch.nn.init.normal_(p, std=0.3)
        picture = torch.rand(1, 3, 1, 16, 16) * 2 - 1
        mean, _ = tae.encode(picture.repeat(1, 1, 8, 1, 1))
        image = upscale.image_autoencoder(tae)
        torch.testing.assert_close(image.encode(picture)[0], mean, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(image.decode(mean), tae.decode(mean)[:, :, 3:4], atol=1e-4, rtol=1e-4)

    def test_the_upsampler_starts_at_what_is_given(self):
        from train_upsampler import CONFIG, start_at_given
        from moviegen_reference.conditioned import ConditionedDiT

        torch.manual_seed(0)
        dit, given = start_at_given(ConditionedDiT(CONFIG)), torch.randn(2, 16, 2, 8, 8)
        x = torch.randn_like(given)
        with torch.no_grad():
            u = dit(x, torch.zeros(2), {}, {}, given=given)
        self.assertLess(float((u - (given - x)).square().mean()), 0.05)


if __name__ == "__main__":
    unittest.main()
