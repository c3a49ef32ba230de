"""The spatial upsampler of shapes world, 64 to 128 px: its true clips, its image autoencoder, and upscaling. Spec section 7.

Not here: windows (`windows.py`), the transformer (`conditioned.py`), training (`train_upsampler.py`), the judge (`judge_upscale.py`).

Legend: T frames, H W pixels; latents `[C, T, h, w]`, where a latent frame is one frame.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from . import flow, world
from .conditioned import ConditionedDiT
from .dit import load_dit
from .draws import Draws
from .tae import TAE, load_tae
from .windows import Windows

SCALE = 2
LARGE = SCALE * world.SIZE
SEED = 2410_13735


def draw_large(facts: world.Facts, offset: tuple[float, float] = (0.0, 0.0), scale: int = SCALE) -> np.ndarray:
    """The clip of `world.draw`, of `scale` times as many pixels along each side: `[T, H, W, 3]` u8."""
    centre, radius = world.path(facts.motion, facts.size)

    def at(value: float) -> float:                                         # a pixel's centre is at its whole number
        return scale * (value + 0.5) - 0.5

    size = (scale * world.SIZE, scale * world.SIZE)
    cover = np.stack([
        world.coverage(facts.shape, at(world.CENTRE + x + offset[0]), at(world.CENTRE + y + offset[1]), scale * r, size)
        for (x, y), r in zip(centre, radius)
    ])
    return world.paint(cover, facts.colour, facts.background)


@dataclass(frozen=True)
class Sample:
    seed: int
    facts: world.Facts
    offset: tuple[float, float]


def evaluation_set() -> list[Sample]:
    """48 clips, sample i with seed i: the even ones of trained facts, the odd ones of held-out facts."""
    draws, samples = Draws(SEED), []
    for i in range(48):
        facts = draws.facts(held_out=i % 2 == 1)
        samples.append(Sample(i, facts, (draws.uniform(-world.OFFSET, world.OFFSET), draws.uniform(-world.OFFSET, world.OFFSET))))
    return samples


def enlarge(video: Tensor, size: int = LARGE) -> Tensor:
    """`[B, 3, T, H, W]` by bilinear interpolation: half-pixel centres, edges clamped."""
    B, _, T, _, _ = video.shape
    frames = F.interpolate(video.transpose(1, 2).flatten(0, 1), size=(size, size), mode="bilinear", align_corners=False)
    return frames.unflatten(0, (B, T)).transpose(1, 2)


@torch.no_grad()
def through(tae: TAE, video: Tensor) -> Tensor:
    """What the temporal autoencoder makes of a video: the upsampler's input."""
    return tae.decode(tae.encode(video)[0], video.shape[2]).clamp(-1, 1)


@torch.no_grad()
def image_autoencoder(tae: TAE) -> TAE:
    """The image autoencoder that gives what a TAE gives of a video that stands still.

    On such a video a temporal convolution is the sum of its taps, a linear map, which the convolution before it takes in.
    Temporal attention is left out, so a little training of the decoder follows.
    """
    state = dict(tae.state_dict())
    for name in [n for n in state if n.endswith(".temporal.weight")]:
        spatial = name.removesuffix(".temporal.weight")
        summed = state[name].sum(dim=2)                                    # [C, C]
        state[f"{spatial}.weight"] = torch.einsum("om,mihw->oihw", summed, state[f"{spatial}.weight"])
        state[f"{spatial}.bias"] = summed @ state[f"{spatial}.bias"] + state[f"{spatial}.temporal.bias"]
    image = TAE(dict(tae.config) | {"_class_name": "AutoencoderKL", "temporal": False})
    image.load_state_dict({name: state[name] for name in image.state_dict()})
    return image.eval()


class Upsampler:
    """The transformer and its image autoencoder. `window`: frames of a window, and how many neighbours share."""

    def __init__(self, dit: ConditionedDiT, vae: TAE, window: tuple[int, int], steps: int):
        self.dit, self.vae, self.window, self.steps = dit.eval(), vae.eval(), window, steps

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        """`[B, 3, T, H, W]` at the large size to latents `[B, C, T, h, w]` in the transformer's space."""
        return self.vae.to_model_space(self.vae.encode(video)[0])

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        return self.vae.decode(self.vae.from_model_space(z)).clamp(-1, 1)

    @torch.no_grad()
    def sample(self, given: Tensor, noise: Tensor, steps: int | None = None, on_step: Callable | None = None) -> Tensor:
        """The latents of the upscaled video from `given`, those of the enlarged one, and noise of their shape."""
        _, _, _, h, w = given.shape
        (frames, shared), patch = self.window, self.dit.patch
        windows = Windows(given.shape[1:], (frames, h // patch[1], w // patch[2]), (shared, 0, 0), patch)

        def one(x, t, where):
            return self.dit(x, torch.full((len(x),), t), {}, {}, given=given[(..., *where)])

        times = flow.linear_schedule(steps or self.steps)
        return flow.solve(lambda x, t: windows.velocity(one, x, t), noise, times, "euler", on_step)


def load_upsampler(folder: str | Path) -> Upsampler:
    """From a checkpoint laid out as `models/shapes-world-upsampler`."""
    folder = Path(folder)
    index = json.loads((folder / "model_index.json").read_text())
    window = (index["window"]["frames"], index["window"]["overlap"])
    return Upsampler(load_dit(folder / index["transformer"]), load_tae(folder / index["vae"]), window, index["sampler"]["steps"])
