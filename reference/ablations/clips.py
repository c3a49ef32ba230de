"""Clips that the ablations train on: shapes world's, drawn once, procedural textures, drawn as they are needed, and latents
with their captions' tokens. The definition of what is drawn is `world.py`'s.

Legend: B clips, T frames, H W pixels, L tokens.
"""

import math
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from moviegen_reference import world
from moviegen_reference.text import PAD

DRAWN_AT_ONCE = 64
CAPTIONS = 3  # wordings kept of each clip
HELD_OUT_SHARE = 0.14  # of clips that are drawn without regard to their captions: as many as there are triples


def draw_clips(facts: list[world.Facts], rng: random.Random) -> tuple[Tensor, Tensor]:
    """Clips with random start offsets, u8 `[B, T, H, W, 3]`, and the share of each pixel that the object covers, `[B, T, H, W]`."""
    covers = [world.clip_coverage(f.shape, f.motion, f.size, world.random_offset(rng)) for f in facts]
    videos = [world.paint(cover, f.colour, f.background) for cover, f in zip(covers, facts)]
    return torch.from_numpy(np.stack(videos)), torch.from_numpy(np.stack(covers))


def to_video(clips: Tensor) -> Tensor:
    """u8 `[B, T, H, W, 3]` to `[B, 3, T, H, W]` in [-1, 1]."""
    return clips.permute(0, 4, 1, 2, 3).float() / 127.5 - 1.0


class ClipPool:
    """Drawn clips with the coverage of their objects, both in 8 bits."""

    def __init__(self, video: Tensor, cover: Tensor):
        self.video, self.cover = video, cover

    @classmethod
    def drawn(cls, rng: random.Random, count: int, device) -> "ClipPool":
        """Clips of trained and held-out triples alike: an autoencoder reads no prompt."""
        facts = [world.random_facts(rng, rng.random() < HELD_OUT_SHARE) for _ in range(count)]
        video, cover = draw_clips(facts, rng)
        return cls(video.to(device), (cover * 255).to(torch.uint8).to(device))

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
    """Latents of clips with their captions' tokens; `tokens` and `masks` `[n, CAPTIONS, L]` by encoder."""

    latents: Tensor                                                        # [n, 16, T, h, w] f16
    tokens: dict[str, Tensor]
    masks: dict[str, Tensor]


def pad(ids: list[list[int]], L: int) -> tuple[Tensor, Tensor]:
    return (torch.tensor([i + [PAD] * (L - len(i)) for i in ids], dtype=torch.int16),
            torch.tensor([[True] * len(i) + [False] * (L - len(i)) for i in ids]))


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
