"""The image tower and its pictures are those of `transformers`; a transformer that reads no picture is the base model."""

import tempfile
import unittest

import numpy as np
import torch
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

from moviegen_reference.conditioned import widened
from moviegen_reference.dit import DiT, default_config
from moviegen_reference.vision import Vision, load_vision
from moviegen_reference.vision import default_config as vision_config

SHAPE = {"hidden_size": 24, "intermediate_size": 36, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 13, "patch_size": 4}


def pictures():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((17, 21), (40, 9), (13, 13))]


class TestVision(unittest.TestCase):
    def test_tower_and_pictures_are_those_of_transformers(self):
        for act in ("quick_gelu", "gelu"):
            torch.manual_seed(0)
            mine = Vision(SHAPE | {"hidden_act": act}).eval()
            for p in mine.parameters():
                torch.nn.init.normal_(p, std=0.3)
            with tempfile.TemporaryDirectory() as folder:
                mine.save(folder, half=False)
                theirs = CLIPVisionModel.from_pretrained(folder).eval()
                processor = CLIPImageProcessor.from_pretrained(folder)
                again = load_vision(folder)
            pixels = processor(images=pictures(), return_tensors="pt")["pixel_values"]
            self.assertLess((mine.prepare(pictures()) - pixels).abs().max(), 1e-5)
            tower = getattr(theirs, "vision_model", theirs)
            with torch.no_grad():
                right = tower.post_layernorm(theirs(pixel_values=pixels).last_hidden_state)
                for one in (mine, again):
                    self.assertLess((one(pixels) - right).abs().max(), 1e-4)

    def test_the_default_is_b32(self):
        published = CLIPVisionConfig().to_dict()
        mine = vision_config()
        for key in set(published) & set(mine) - {"architectures"}:
            self.assertEqual(mine[key], published[key], key)

    def test_no_picture_is_the_base_model(self):
        torch.manual_seed(0)
        base = DiT(default_config(
            in_channels=4, hidden_size=32, num_layers=2, num_heads=2, ffn_hidden_size=40, timestep_dim=16, max_grid=[2, 3, 3],
            text_dims={"ul2": 8},
        ))
        for p in base.parameters():
            torch.nn.init.normal_(p, std=0.2)
        base, vision = base.double(), Vision(SHAPE).double()
        x, t = torch.randn(2, 4, 2, 4, 6).double(), torch.tensor([0.3, 0.6]).double()
        text, mask = {"ul2": torch.randn(2, 5, 8).double()}, {"ul2": torch.ones(2, 5).bool()}
        right = base(x, t, text, mask)
        for conditioning in (None, "masked"):
            wide = widened(base, conditioning, vision=vision.dim).double()
            seen, there = vision.states([None, pictures()[0]], torch.float64)
            self.assertEqual(there.sum(dim=1).tolist(), [0, 10])
            wrong = wide(x, t, text | {"vision": seen}, mask | {"vision": there})
            self.assertLess((wrong[0] - right[0]).abs().max(), 1e-12)
            self.assertGreater((wrong[1] - right[1]).abs().max(), 1e-3)
        grown = widened(wide, vision=vision.dim)
        self.assertEqual(set(grown.state_dict()), set(wide.state_dict()))


if __name__ == "__main__":
    unittest.main()
