"""Draws scene world's clips in batches, on CPUs or CUDA: 4 x 4 samples a pixel, as shapes world does. The definition of what
is drawn is `scenes.py`'s.

Legend: B clips, T frames, H W pixels, n = 4 samples a pixel along an axis.
"""

import math
import random

import numpy as np
import torch
from torch import Tensor

from . import font, world
from .scenes import CELL, PAN, TWO, WORD_COLOURS, WORD_PATH, ZOOM, Scene, Thing

n = world.SAMPLES


def progress(frames: int, fps: int) -> np.ndarray:
    """`[T]`"""
    return np.array([0.5]) if frames == 1 else np.minimum(1.0, 16 * np.arange(frames) / (15 * fps))


def camera_at(camera: str, p: np.ndarray, s: float) -> tuple[np.ndarray, np.ndarray]:
    """z `[T]` and c `[T, 2]`: a point X is seen at z (X - c)."""
    z, c = np.ones_like(p), np.zeros((len(p), 2))
    if camera == "zooms in":
        z = 1 + (ZOOM - 1) * p
    elif camera == "zooms out":
        z = 1 / (1 + (ZOOM - 1) * p)
    elif camera:
        c[:, 0] = PAN * s * p * (-1 if camera == "pans left" else 1)
    return z, c


def factors(thing: Thing, count: int) -> tuple[float, float]:
    """What a thing's path and its size are multiplied by."""
    if thing.text:
        return WORD_PATH, 1.0
    return (TWO, TWO) if count == 2 else (1.0, 1.0)


def home(which: int, count: int, size: tuple[int, int]) -> np.ndarray:
    """Centre of the thing's part of the canvas, (x, y) from the canvas centre."""
    if count == 1:
        return np.zeros(2)
    H, W = size
    side = -1 if which == 0 else 1
    return np.array([0.0, side * H / 4]) if H > W else np.array([side * W / 4, 0.0])


def seen_path(scene: Scene, which: int, p: np.ndarray, offset=(0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
    """Centre `[T, 2]` in pixels from the canvas centre, and radius `[T]` (a word's: the width of its pixel), as seen."""
    thing, s = scene.things[which], min(scene.size) / 64
    along, large = factors(thing, len(scene.things))
    centre, radius = world.path_at(thing.motion, "" if thing.text else thing.size, p)
    centre = home(which, len(scene.things), scene.size) + along * s * (centre + np.array(offset))
    radius = np.full(len(p), 3.0 if thing.size == "big" else 2.0) * s if thing.text else radius * s * large
    z, c = camera_at(scene.camera, p, s)
    return z[:, None] * (centre - c), z * radius


def samples(H: int, W: int, device) -> tuple[Tensor, Tensor]:
    """Coordinates of the samples from the canvas centre: x `[n W]`, y `[n H]`."""
    sub = (torch.arange(n, dtype=torch.float64, device=device) + 0.5) / n - 0.5
    along = [
        (torch.arange(size, dtype=torch.float64, device=device)[:, None] + sub).flatten() - (size - 1) / 2 for size in (W, H)
    ]
    return along[0].float(), along[1].float()


def inside(shape: str, x: Tensor, y: Tensor, r: Tensor) -> Tensor:
    """Whether a point (x, y) from the centre lies in the shape of size r: `world.inside`, for tensors."""
    if shape == "circle":
        return x * x + y * y <= r * r
    if shape == "square":
        return (x.abs() <= 0.78 * r) & (y.abs() <= 0.78 * r)
    if shape == "cross":
        ax, ay = x.abs(), y.abs()
        return ((ax <= r) & (ay <= 0.35 * r)) | ((ay <= r) & (ax <= 0.35 * r))
    if shape == "triangle":
        return (y <= r / 2) & (math.sqrt(3) / 2 * x.abs() - y / 2 <= r / 2)
    x, y = torch.broadcast_tensors(x, y)
    angle = torch.atan2(x, -y)
    angle = (torch.remainder(angle + math.pi / 5, 2 * math.pi / 5) - math.pi / 5).abs()
    radius = torch.hypot(x, y)
    u, v = radius * angle.cos(), radius * angle.sin()
    inner_u, inner_v = 0.42 * math.cos(math.pi / 5), 0.42 * math.sin(math.pi / 5)
    return (u - r) * inner_v - v * (inner_u - 1.0) <= 0.0


def within(texts: list[str], x: Tensor, y: Tensor, u: Tensor) -> Tensor:
    """Whether a point from the centre of a clip's text lies in a letter; x `[B, T, 1, n W]`, y `[B, T, n H, 1]`."""
    table = torch.zeros(len(texts), font.HEIGHT, font.LONGEST * (font.WIDTH + font.GAP), dtype=torch.bool)
    columns = torch.tensor([len(text) * (font.WIDTH + font.GAP) - font.GAP for text in texts], device=x.device).view(-1, 1, 1, 1)
    for raster, text in zip(table, texts):
        raster[:, : len(text) * (font.WIDTH + font.GAP) - font.GAP] = torch.from_numpy(font.bitmap(text)).bool()
    i = torch.floor(y / u + font.HEIGHT / 2).long()                        # [B, T, n H, 1]
    j = torch.floor(x / u + columns / 2).long()                            # [B, T, 1, n W]
    valid = (i >= 0) & (i < font.HEIGHT) & (j >= 0) & (j < columns)
    clip = torch.arange(len(texts), device=x.device).view(-1, 1, 1, 1)
    return table.to(x.device)[clip, i.clamp(0, font.HEIGHT - 1), j.clamp(0, table.shape[2] - 1)] & valid


def shares(hits: Tensor) -> Tensor:
    """`[..., n H, n W]` to the share of each pixel's samples `[..., H, W]`."""
    return hits.float().unflatten(-1, (-1, n)).unflatten(-3, (-1, n)).mean(dim=(-3, -1))


def coverage(things: list[Thing], centre: Tensor, radius: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """`[B, T, H, W]` of one thing a clip, by its path `[B, T, 2]` and `[B, T]`."""
    out = torch.empty(*radius.shape, len(y) // n, len(x) // n, device=x.device)
    for kind in {t.shape for t in things}:
        which = [b for b, t in enumerate(things) if t.shape == kind]
        dx = x - centre[which, :, 0, None, None]                           # [b, T, 1, n W]
        dy = y[:, None] - centre[which, :, 1, None, None]                  # [b, T, n H, 1]
        r = radius[which, :, None, None]
        out[which] = shares(inside(kind, dx, dy, r) if kind else within([things[b].text for b in which], dx, dy, r))
    return out


def backdrops(scenes: list[Scene], p: np.ndarray, x: Tensor, y: Tensor) -> Tensor:
    """`[B, T, H, W, 3]`, 0 .. 255; p `[B, T]`."""
    (H, W), device = scenes[0].size, x.device
    s = min(H, W) / 64
    words = [[w for w in scene.background if w in world.BACKGROUNDS] for scene in scenes]
    first, last = (
        torch.tensor([world.BACKGROUNDS[w[k]] for w in words], dtype=torch.float32, device=device).view(-1, 1, 1, 1, 3) for k in (0, -1)
    )
    share = torch.zeros(*p.shape, H, W, 1, device=device)
    for b, scene in enumerate(scenes):
        if scene.background[0] == "gradient":
            share[b] = torch.linspace(0, 1, H, device=device).view(1, H, 1, 1)
        elif scene.background[0] == "checkerboard":
            z, c = (torch.from_numpy(a).float().to(device) for a in camera_at(scene.camera, p[b], s))
            column = torch.floor((x[None, :] / z[:, None] + c[:, :1]) / (CELL * s))   # [T, n W]
            row = torch.floor((y[None, :] / z[:, None] + c[:, 1:]) / (CELL * s))      # [T, n H]
            share[b] = shares(torch.remainder(column[:, None, :] + row[:, :, None], 2) == 1)[..., None]
    return first + share * (last - first)


def draw_batch(scenes: list[Scene], offsets: list[list[tuple[float, float]]] | None = None, device="cpu") -> tuple[Tensor, Tensor]:
    """Clips of one size and length `[B, T, H, W, 3]` u8, and the share of each pixel that things cover `[B, T, H, W]`."""
    x, y = samples(*scenes[0].size, device)
    p = np.stack([progress(scene.frames, scene.fps) for scene in scenes])
    video = backdrops(scenes, p, x, y)
    covered = torch.zeros(video.shape[:-1], device=device)
    for k in range(max(len(scene.things) for scene in scenes)):
        which = [b for b, scene in enumerate(scenes) if len(scene.things) > k]
        paths = [seen_path(scenes[b], k, p[b], offsets[b][k] if offsets else (0.0, 0.0)) for b in which]
        centre, radius = (torch.from_numpy(np.stack(a)).float().to(device) for a in zip(*paths))
        things = [scenes[b].things[k] for b in which]
        cover = coverage(things, centre, radius, x, y)
        colour = torch.tensor([WORD_COLOURS[t.colour] for t in things], dtype=torch.float32, device=device).view(-1, 1, 1, 1, 3)
        video[which] += cover[..., None] * (colour - video[which])
        covered[which] = torch.maximum(covered[which], cover)
    return torch.floor(video + 0.5).to(torch.uint8), covered


def draw(scene: Scene, offsets: list[tuple[float, float]] | None = None) -> tuple[Tensor, Tensor]:
    """One clip: `[T, H, W, 3]` u8 and `[T, H, W]`."""
    video, covered = draw_batch([scene], [offsets] if offsets else None)
    return video[0], covered[0]


def random_offsets(scene: Scene, rng: random.Random) -> list[tuple[float, float]]:
    """Of a shape's path, as in shapes world; a word stays within the canvas."""
    return [(0.0, 0.0) if len(t.text) > 3 else world.random_offset(rng) for t in scene.things]
