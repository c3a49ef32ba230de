"""Batches of scene world for training, on the device that trains: clips drawn once into a pool, procedural textures drawn as
they are needed, latents with their captions' tokens. Training only.

Legend: B clips, T frames, H W pixels, L tokens.
"""

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from . import scene_draw, scenes
from .scenes import Scene
from .text import PAD, TextEncoders

DRAWN_AT_ONCE = 64
CAPTIONS = 3  # wordings kept of each clip


def to_video(clips: Tensor) -> Tensor:
    """u8 `[B, T, H, W, 3]` to `[B, 3, T, H, W]` in [-1, 1]."""
    return clips.permute(0, 4, 1, 2, 3).float() / 127.5 - 1.0


def lots(rng: random.Random, count: int, size, frames: int, held_out: bool | None) -> list[Scene]:
    return [scenes.random_scene(rng, tuple(size), frames, rng.choice(scenes.RATES), held_out) for _ in range(count)]


class ClipPool:
    """Drawn clips of one size and length with the coverage of their things, in 8 bits."""

    def __init__(self, rng: random.Random, spec: dict, device):
        self.share = spec["share"]
        drawn = []
        for first in range(0, spec["clips"], DRAWN_AT_ONCE):
            some = lots(rng, min(DRAWN_AT_ONCE, spec["clips"] - first), spec["size"], spec["frames"], None)
            video, cover = scene_draw.draw_batch(some, [scene_draw.random_offsets(s, rng) for s in some], device)
            drawn.append((video, (cover * 255).to(torch.uint8)))
        self.video, self.cover = (torch.cat(parts) for parts in zip(*drawn))

    def batch(self, rng: random.Random, count: int, image: bool) -> tuple[Tensor, Tensor]:
        """Video `[B, 3, T, H, W]` and coverage `[B, T, H, W]`; single frames where an image is wanted."""
        which = torch.tensor([rng.randrange(len(self.video)) for _ in range(count)], device=self.video.device)
        video, cover = self.video[which], self.cover[which]
        if image:
            k = rng.randrange(video.shape[1])
            video, cover = video[:, k : k + 1], cover[:, k : k + 1]
        return to_video(video), cover.float() / 255


def textures(rng: random.Random, count: int, size=(64, 64), frames: int = 16, device="cpu") -> Tensor:
    """Procedural textures in motion, `[B, 3, T, H, W]` in [-1, 1]: sums of waves whose amplitudes fall with their frequency
    (smooth noise), seen through a zoom, a turn and a drift; hard-edged where a sine is squashed."""
    H, W = size
    generator = torch.Generator().manual_seed(rng.getrandbits(62))

    def draw(*shape):
        return torch.rand(*shape, generator=generator).to(device)

    s = min(size)
    y, x = torch.meshgrid(torch.linspace(-1, 1, H, device=device) * H / s, torch.linspace(-1, 1, W, device=device) * W / s, indexing="ij")
    p = torch.linspace(0, 1, frames, device=device)
    B, waves = count, 12
    zoom = torch.exp((draw(B, 1) - 0.5) * 1.2 * p)                         # [B, T]
    turn = (draw(B, 1) - 0.5) * 1.0 * p
    drift = (draw(B, 2, 1) - 0.5) * 0.8 * p                                # [B, 2, T]
    cos, sin = (zoom * turn.cos())[..., None, None], (zoom * turn.sin())[..., None, None]
    u = cos * x - sin * y + drift[:, 0, :, None, None]                     # [B, T, H, W]
    v = sin * x + cos * y + drift[:, 1, :, None, None]
    out = torch.zeros(B, 3, frames, H, W, device=device)
    for _ in range(waves):
        frequency = 1.0 + 9.0 * draw(B, 1, 1, 1) ** 2
        angle, phase = 2 * math.pi * draw(B, 1, 1, 1), 2 * math.pi * draw(B, 1, 1, 1)
        wave = torch.sin(frequency * (angle.cos() * u + angle.sin() * v) + phase)
        hard = 1.0 + 4.0 * draw(B, 1, 1, 1) ** 3
        colour = (draw(B, 3, 1, 1, 1) - 0.5) * 2 / frequency[:, None] ** 0.8
        out += colour * torch.tanh(hard * wave)[:, None]
    return torch.tanh(out)


@dataclass
class Bucket:
    """Latents of clips of one shape with their captions' tokens; `tokens` and `masks` `[n, CAPTIONS, L]` by encoder."""

    share: float
    frames: int
    clean: Tensor                                                          # [n]: one plain thing whose path is whole
    latents: Tensor                                                        # [n, 16, T, h, w] f16
    tokens: dict[str, Tensor]
    masks: dict[str, Tensor]


def pad(ids: list[list[int]], L: int) -> tuple[Tensor, Tensor]:
    return (torch.tensor([i + [PAD] * (L - len(i)) for i in ids], dtype=torch.int16),
            torch.tensor([[True] * len(i) + [False] * (L - len(i)) for i in ids]))


@torch.no_grad()
def make_bucket(rng: random.Random, spec: dict, encode, text: TextEncoders, device) -> Bucket:
    """Draws and encodes `spec["clips"]` trained clips. `encode`: `[B, 3, T, H, W]` -> the posterior's mean."""
    latents, all_scenes, ids = [], [], {"ul2": [], "metaclip": [], "byt5": []}
    for first in range(0, spec["clips"], DRAWN_AT_ONCE):
        some = lots(rng, min(DRAWN_AT_ONCE, spec["clips"] - first), spec["size"], spec["frames"], False)
        video, _ = scene_draw.draw_batch(some, [scene_draw.random_offsets(s, rng) for s in some], device)
        latents.append(encode(to_video(video)).half())
        prompts = [scenes.caption(s, rng) for s in some for _ in range(CAPTIONS)]
        for name, rows in text.tokenize(prompts, [s.fps for s in some for _ in range(CAPTIONS)]).items():
            ids[name] += rows
        all_scenes += some
    tokens, masks = {}, {}
    for name, rows in ids.items():
        t, m = pad(rows, max(map(len, rows)))
        tokens[name], masks[name] = (a.unflatten(0, (-1, CAPTIONS)).to(device) for a in (t, m))
    clean = torch.tensor([len(s.things) == 1 and s.frames / s.fps >= 1 for s in all_scenes], device=device)
    return Bucket(spec["share"], spec["frames"], clean, torch.cat(latents), tokens, masks)


def draw_batch_of(bucket: Bucket, rows: Tensor, null: dict[str, list[int]], dropped: Tensor):
    """Latents `[B, 16, T, h, w]`, and tokens and masks `[B, L]` by encoder, the null prompt's where `dropped` `[B]`."""
    device = rows.device
    wording = torch.randint(CAPTIONS, (len(rows),), device=device)
    tokens, masks = {}, {}
    for name in bucket.tokens:
        t, m = bucket.tokens[name][rows, wording].long(), bucket.masks[name][rows, wording]
        if t.shape[1] == 0:
            continue
        none, none_mask = (a.to(device) for a in pad([null[name]], t.shape[1]))
        tokens[name] = torch.where(dropped[:, None], none.long(), t)
        masks[name] = torch.where(dropped[:, None], none_mask, m)
    return bucket.latents[rows].float(), tokens, masks
