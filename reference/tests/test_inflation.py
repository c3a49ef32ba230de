"""The exact test of inflation: on a single frame the TAE gives what `diffusers`' own autoencoder gave, and on a video of one
repeated frame that result repeated. Reads the committed fixtures; `diffusers` is not needed."""

import json
import unittest
from pathlib import Path

import torch
from safetensors.torch import load_file

from moviegen_reference.tae import TAE, load_state

FIXTURES = Path(__file__).resolve().parents[2] / "packages" / "moviegen" / "fixtures"


def close(a, b):
    torch.testing.assert_close(a, b.double(), rtol=0, atol=2e-6 * max(1.0, b.abs().max().item()))


class Inflation(unittest.TestCase):
    @torch.no_grad()
    def test_against_diffusers(self):
        for name, layout in [("autoencoder-kl-4", "."), ("autoencoder-kl-4", "old-names"), ("autoencoder-kl-16", ".")]:
            folder = FIXTURES / name / layout
            config = json.loads((folder / "config.json").read_text())
            config = {"use_quant_conv": True, "use_post_quant_conv": True, "scaling_factor": 0.18215} | config
            weights = load_file(folder / "diffusion_pytorch_model.safetensors")
            for temporal in (False, True):
                tae = load_state(TAE(config | {"temporal": temporal}), weights).double()
                for case in ("image", "batch"):
                    with self.subTest(name=name, layout=layout, temporal=temporal, case=case):
                        self.hold(tae, load_file(FIXTURES / name / f"{case}.safetensors"), frames=9 if temporal else 1)

    def hold(self, tae, tensors, frames):
        image = tensors["input.image"].double().unsqueeze(2)               # [B, 3, 1, H, W]
        for T in sorted({1, frames}):
            mean, logvar = tae.encode(image.repeat(1, 1, T, 1, 1))
            latents = tae.to_model_space(mean)
            decoded = tae.decode(tae.from_model_space(latents), T)
            for got, key in ((mean, "mean"), (logvar, "logvar"), (latents, "latents"), (decoded, "image")):
                expected = tensors[f"output.{key}"].unsqueeze(2)
                close(got, expected.expand_as(got))


if __name__ == "__main__":
    unittest.main()
