"""From prompts to videos with the PyTorch models: text, noise, guided flow, decoder. Spec sections 2 to 4.

Noise is `philox.py`'s for the seed of each prompt, so that other implementations can be held against the same latents.
Not here: judging, files of videos.

Legend: B prompts, C T H W the latent.
"""

import json
from pathlib import Path

import torch
from torch import Tensor

from . import flow, philox
from .dit import DiT, load_dit
from .giving import guided_thrice
from .tae import TAE, load_tae
from .text import TextEncoders, load_encoders
from .vision import Vision, load_vision


class Pipeline:
    def __init__(self, text: TextEncoders, dit: DiT, tae: TAE, vision: Vision | None = None):
        self.text, self.dit, self.tae, self.vision = text, dit, tae, vision

    def to(self, device) -> "Pipeline":
        for module in (self.text, self.dit, self.tae, *([self.vision] if self.vision else [])):
            module.to(device)
        return self

    @torch.no_grad()
    def latents(self, prompts: list[str], seeds: list[int], steps: int, guidance_scale: float,
                negative: str | None = None, num_frames: int = 16, height: int = 64, width: int = 64,
                fps: int | list[int] = 16, references: list | None = None, reference_guidance_scale: float | None = None) -> Tensor:
        """The latents of the flow at t = 1, in the model's space. `references`: a u8 picture `[H, W, 3]` for each prompt, or
        None where it has none; the null branch has neither text nor picture, unless the picture has a scale of its own."""
        k = self.tae.factor
        shape = (self.tae.config["latent_channels"], -(-num_frames // k), height // k, width // k)
        device = next(self.dit.parameters()).device
        noise = torch.stack([philox.normal(shape, seed) for seed in seeds]).float().to(device)     # [B, C, T, H, W]
        states, masks = self.text(prompts, fps)
        null_states, null_masks = self.text([negative] * len(prompts), fps)

        seen, seen_mask = self.vision.states(references) if references else (None, None)

        def velocity(states, masks, pictured=False):
            if pictured and references:
                states, masks = states | {"vision": seen}, masks | {"vision": seen_mask}
            return lambda x, t: self.dit(x, torch.full((len(x),), t, dtype=x.dtype, device=device), states, masks)

        null, both = velocity(null_states, null_masks), velocity(states, masks, True)
        if reference_guidance_scale is None:
            guided = flow.guided(both, null, guidance_scale)
        else:
            shown = velocity(null_states, null_masks, True)
            guided = guided_thrice(null, shown, both, reference_guidance_scale, guidance_scale)
        return flow.solve(guided, noise, flow.linear_quadratic_schedule(steps), "euler")

    @torch.no_grad()
    def decode(self, latents: Tensor, num_frames: int = 16) -> Tensor:
        """u8 `[B, T', H', W', 3]`."""
        videos = [self.tae.decode(self.tae.from_model_space(z), num_frames) for z in latents.split(4)]
        x = ((torch.cat(videos).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return x.permute(0, 2, 3, 4, 1)


def load_pipeline(folder: str | Path) -> tuple[Pipeline, dict]:
    """From a checkpoint laid out as `models/shapes-world`, and its `model_index.json`."""
    folder = Path(folder)
    index = json.loads((folder / "model_index.json").read_text())
    text = load_encoders({name: folder / place for name, place in index["text_encoders"].items()}, index.get("strip_quoted", False))
    vision = load_vision(folder / index["image_encoder"]) if "image_encoder" in index else None
    return Pipeline(text, load_dit(folder / index["transformer"]), load_tae(folder / index["tae"]), vision), index
