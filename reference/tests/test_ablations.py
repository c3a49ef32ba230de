"""The ablations' parts against what is known exactly: objectives, variants of the models, equal compute, resuming, measures."""

import math
import random
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn

from ablations import objectives, trainer
from ablations.common import Stopped
from ablations.dit_variants import VARIANTS, FirstLayerPositions, LayerNormGELU, parameters
from ablations.measures import frechet, ssim
from ablations.tae_3d import TAE3D
from moviegen_reference.dit import DiT
from moviegen_reference.tae import TAE, inflate_

MEAN, SPREAD = 0.7, 0.4
SMALL = {
    "in_channels": 3, "hidden_size": 24, "num_layers": 2, "num_heads": 3, "ffn_hidden_size": 20, "max_grid": [2, 3, 3],
    "timestep_dim": 16, "text_dims": {"ul2": 5},
}
TINY_TAE = {"block_out_channels": [4, 6, 6, 8], "layers_per_block": 1, "norm_num_groups": 1, "latent_channels": 4}


def exact(objective):
    """What a perfect network predicts of data N(MEAN, SPREAD^2): the prediction whose `data_of` is the posterior's mean."""
    def predict(x, t):
        times = torch.full((len(x),), t, dtype=torch.float64)
        signal, noise = (t, 1 - t) if isinstance(objective, objectives.FlowMatching) else objective.roots(times, x)
        data = MEAN + signal * SPREAD**2 / (signal**2 * SPREAD**2 + noise**2) * (x - signal * MEAN)
        zero, one = (objective.data_of(torch.full_like(x, v), x, times) for v in (0.0, 1.0))
        return (data - zero) / (one - zero)                                # data_of is affine in the prediction
    return predict


class Objectives(unittest.TestCase):
    def test_zero_terminal_snr(self):
        plain, rescaled = objectives.alphas(False), objectives.alphas(True)
        self.assertAlmostEqual(plain[-1].sqrt().item(), 0.0683, places=4)
        self.assertEqual(rescaled[-1].item(), 0)
        self.assertAlmostEqual(rescaled[0].item(), plain[0].item(), places=12)
        self.assertTrue((rescaled.diff() < 0).all())

    def test_the_target_says_the_data(self):
        x1, x0 = torch.randn(2, 64, 3, dtype=torch.float64)
        for name, make in objectives.OBJECTIVES.items():
            objective = make()
            t = objective.times(64)
            self.assertTrue(((t >= 0) & (t <= 1)).all())
            x, target = objective.corrupt(x1, x0, t)
            torch.testing.assert_close(objective.data_of(target, x, t), x1, rtol=0, atol=1e-4, msg=name)
            at = torch.full((64,), objective.time_at(-2.0))
            ratio = (objective.corrupt(x1, 0 * x0, at)[0] / x1).mean() / (objective.corrupt(0 * x1, x0, at)[0] / x0).mean()
            self.assertAlmostEqual(2 * math.log(ratio), -2.0, delta=0.01, msg=name)

    def test_samplers_reach_the_exact_solution(self):
        noise = torch.linspace(-2.5, 2.5, 32, dtype=torch.float64)[:, None]
        # epsilon starts where 7% of the data should be seen in the noise, and is off by that
        for name, within in (("flow", 0.02), ("v", 0.02), ("epsilon", 0.06)):
            objective = objectives.OBJECTIVES[name]()
            result = objective.sample(exact(objective), noise, 500)
            self.assertLess((result - (MEAN + SPREAD * noise)).abs().max().item(), within, name)

    def test_few_steps_begin_at_the_noisiest(self):
        seen = []
        diffusion = objectives.Diffusion("v")
        diffusion.sample(lambda x, t: seen.append(t) or x, torch.randn(1, 2), 4)
        self.assertEqual([round((1 - t) * 999) for t in seen], [999, 749, 499, 249])


def random_weights(model: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(std=0.3)
    return model.eval()


def descent(model: nn.Module, loss_of, steps: int) -> list[float]:
    """The losses before each short step down the gradient."""
    losses, weights = [], list(model.parameters())
    for _ in range(steps):
        loss = loss_of()
        slopes = torch.autograd.grad(loss, weights, allow_unused=True)
        length = torch.cat([g.flatten() for g in slopes if g is not None]).norm()
        with torch.no_grad():
            for w, g in zip(weights, slopes):
                w -= 0 if g is None else 0.05 * g / length
        losses.append(loss.item())
    return losses


def words() -> tuple[dict, dict]:
    return {"ul2": torch.randn(2, 4, 5)}, {"ul2": torch.ones(2, 4, dtype=torch.bool)}


class Backbones(unittest.TestCase):
    def test_positions_of_the_first_layer_only(self):
        x, t, text = torch.randn(2, 3, 2, 4, 6), torch.tensor([0.1, 0.8]), words()
        for layers, same in ((1, True), (2, False)):
            every = random_weights(DiT(SMALL | {"num_layers": layers}))
            first = FirstLayerPositions(every.config).eval()
            first.load_state_dict(every.state_dict())
            with torch.no_grad():
                self.assertEqual(torch.allclose(every(x, t, *text), first(x, t, *text), atol=1e-5), same)
                for table in every.pos_embed.parameters():
                    table.zero_()
                first.load_state_dict(every.state_dict())
                torch.testing.assert_close(every(x, t, *text), first(x, t, *text))

    def test_as_many_parameters(self):
        config = {"hidden_size": 256, "num_layers": 8, "num_heads": 8, "ffn_hidden_size": 704, "max_grid": [4, 4, 4]}
        base, other = DiT(config), LayerNormGELU(config)
        self.assertLess(abs(parameters(other) / parameters(base) - 1), 5e-4)
        kinds = {type(m) for m in other.modules()}
        self.assertFalse(nn.RMSNorm in kinds or nn.SiLU not in kinds)

    def test_each_variant_learns_by_each_objective(self):
        x1, x0, text = torch.randn(2, 3, 2, 4, 4), torch.randn(2, 3, 2, 4, 4), words()
        for backbone, make in VARIANTS.items():
            for name, objective in objectives.OBJECTIVES.items():
                torch.manual_seed(0)
                model, objective = make(SMALL), objective()
                t = objective.times(2)
                x, target = objective.corrupt(x1, x0, t)
                self.assertEqual(model(x, t, *text).shape, x.shape)
                losses = descent(model, lambda: (model(x, t, *text) - target).square().mean(), 3)
                self.assertEqual(losses, sorted(losses, reverse=True), (backbone, name))
                self.assertLess(losses[-1], losses[0], (backbone, name))


class Autoencoder3D(unittest.TestCase):
    @torch.no_grad()
    def test_inflation(self):
        image = random_weights(TAE(TINY_TAE | {"temporal": False}))
        tae = TAE3D(TINY_TAE, image.state_dict()).eval()
        frame = torch.randn(1, 3, 1, 16, 24)
        mean = image.encode(frame)[0]
        torch.testing.assert_close(tae.encode(frame)[0], mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(tae.decode(mean, 1), image.decode(mean, 1), rtol=1e-4, atol=1e-5)
        repeated = tae.encode(frame.expand(-1, -1, 9, -1, -1))[0]
        torch.testing.assert_close(repeated, mean.expand(-1, -1, 2, -1, -1), rtol=1e-4, atol=1e-5)

    def test_shapes_and_learning(self):
        torch.manual_seed(0)
        tae = TAE3D(TINY_TAE)
        for frames, latent in ((1, 1), (8, 1), (9, 2), (16, 2)):
            z = tae.encode(torch.zeros(1, 3, frames, 16, 16))[0]
            self.assertEqual(z.shape, (1, 4, latent, 2, 2))
            self.assertEqual(tae.decode(z, frames).shape, (1, 3, frames, 16, 16))
        video = torch.randn(1, 3, 8, 16, 16)
        losses = descent(tae, lambda: (tae.decode(tae.encode(video)[0]) - video).square().mean(), 2)
        self.assertLess(losses[1], losses[0])

    def test_frames_meet(self):
        torch.manual_seed(0)
        video = torch.randn(1, 3, 16, 16, 16)
        other = video.clone()
        other[:, :, 0] += 1
        with torch.no_grad():
            tae = TAE3D(TINY_TAE)
            self.assertGreater((tae.encode(video)[0] - tae.encode(other)[0])[:, :, 1].abs().max(), 1e-4)
            still = inflate_(TAE(TINY_TAE | {"mid_block_add_attention": False}))
            self.assertEqual((still.encode(video)[0] - still.encode(other)[0])[:, :, 1].abs().max(), 0)


class Trainer(unittest.TestCase):
    recipe = {"lr": 0.01, "final": 0.1, "warmup": 3, "average": 0.9}

    def run_once(self, folder: Path, stops: tuple[int, ...]):
        job = SimpleNamespace(folder=folder, seed=3, device=torch.device("cpu"), until=math.inf, name="test")
        for attempt in range(len(stops) + 1):
            torch.manual_seed(1)
            model = nn.Sequential(nn.Linear(6, 8), nn.SiLU(), nn.Linear(8, 6))
            job.until = math.inf

            def loss_of(rng: random.Random, update: int):
                x = torch.randn(4, 6) * rng.uniform(0.5, 2)
                if attempt < len(stops) and update == stops[attempt]:
                    job.until = 0
                return (model(x) - x).square().mean(), {"scale": x.std()}

            if attempt == len(stops):
                return trainer.train(job, model, lambda name: True, self.recipe, 12, loss_of)[0]
            with self.assertRaises(Stopped):
                trainer.train(job, model, lambda name: True, self.recipe, 12, loss_of)

    def test_resuming_gives_the_same_as_not_stopping(self):
        with tempfile.TemporaryDirectory() as folder:
            whole = self.run_once(Path(folder) / "whole", ())
            parts = self.run_once(Path(folder) / "parts", (2, 7))
            for name in whole:
                self.assertTrue(torch.equal(whole[name], parts[name]), name)
            logs = [trainer.curve(SimpleNamespace(folder=Path(folder) / name)) for name in ("whole", "parts")]
            self.assertEqual(*logs)
            self.assertEqual([u for u, _ in logs[0]], list(range(1, 13)))

    def test_operations(self):
        model = nn.Linear(16, 32)
        counted = trainer.operations(lambda: model(torch.randn(8, 16)).sum(), model)
        self.assertEqual(counted, 2 * (2 * 8 * 16 * 32))                   # forward, and the weight's gradient
        self.assertIsNone(model.weight.grad)
        self.assertEqual(trainer.equal_updates(600, 100, 225), 267)


class Measures(unittest.TestCase):
    def test_frechet(self):
        a = torch.randn(4000, 3, generator=torch.Generator().manual_seed(1))
        self.assertAlmostEqual(frechet(a, a), 0, places=6)
        self.assertAlmostEqual(frechet(a, a + 2), 12, places=4)
        self.assertAlmostEqual(frechet(a, 3 * a) - 4 * a.mean(0).double().square().sum().item(), 4 * a.double().var(0).sum().item(), places=3)

    def test_ssim(self):
        x = torch.rand(1, 3, 2, 24, 24) * 2 - 1
        self.assertAlmostEqual(ssim(x, x).item(), 1, places=5)
        # constants: only the means' term remains
        self.assertAlmostEqual(ssim(torch.full_like(x, 0.5), torch.full_like(x, -0.5)).item(), (-0.5 + 4e-4) / (0.5 + 4e-4), places=4)
        self.assertLess(ssim(x, x.flip(-1)), 0.5)


if __name__ == "__main__":
    unittest.main()
