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
    angle = torch.atan2(x.expand(torch.broadcast_shapes(x.shape, y.shape)), -y.expand(torch.broadcast_shapes(x.shape, y.shape)))
    angle = (torch.remainder(angle + math.pi / 5, 2 * math.pi / 5) - math.pi / 5).abs()
    radius = torch.hypot(x, y)
    u, v = radius * angle.cos(), radius * angle.sin()
    inner_u, inner_v = 0.42 * math.cos(math.pi / 5), 0.42 * math.sin(math.pi / 5)
    return (u - r) * inner_v - v * (inner_u - 1.0) <= 0.0


def shares(hits: Tensor) -> Tensor:
    """`[..., n H, n W]` to the share of each pixel's samples `[..., H, W]`."""
    return hits.float().unflatten(-1, (-1, n)).unflatten(-3, (-1, n)).mean(dim=(-3, -1))


def coverage(thing: Thing, centre: Tensor, radius: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """`[T, H, W]` of one thing, by its path `[T, 2]` and `[T]`."""
    dx = x[None, None, :] - centre[:, 0, None, None]                       # [T, 1, n W]
    dy = y[None, :, None] - centre[:, 1, None, None]                       # [T, n H, 1]
    r = radius[:, None, None]
    if not thing.text:
        return shares(inside(thing.shape, dx, dy, r))
    raster = torch.from_numpy(font.bitmap(thing.text)).to(x.device).bool()
    rows, columns = raster.shape
    i = torch.floor(dy / r + rows / 2).long()                              # [T, n H, 1]
    j = torch.floor(dx / r + columns / 2).long()                           # [T, 1, n W]
    within = (i >= 0) & (i < rows) & (j >= 0) & (j < columns)
    return shares(raster[i.clamp(0, rows - 1), j.clamp(0, columns - 1)] & within)


def backdrop(scene: Scene, p: np.ndarray, x: Tensor, y: Tensor) -> Tensor:
    """`[T, H, W, 3]` (or broadcast to it), 0 .. 255."""
    colours = [torch.tensor(world.BACKGROUNDS[w], dtype=torch.float32, device=x.device) for w in scene.background if w in world.BACKGROUNDS]
    if scene.plain:
        return colours[0].expand(1, 1, 1, 3)
    H, W = scene.size
    if scene.background[0] == "gradient":
        share = torch.linspace(0, 1, H, device=x.device)[None, :, None, None]
    else:
        s = min(scene.size) / 64
        z, c = (torch.from_numpy(a).float().to(x.device) for a in camera_at(scene.camera, p, s))
        column = torch.floor((x[None, :] / z[:, None] + c[:, :1]) / (CELL * s))       # [T, n W]
        row = torch.floor((y[None, :] / z[:, None] + c[:, 1:]) / (CELL * s))          # [T, n H]
        share = shares(torch.remainder(column[:, None, :] + row[:, :, None], 2) == 1)[..., None]
    return colours[0] + share * (colours[1] - colours[0])


def draw(scene: Scene, offsets: list[tuple[float, float]] | None = None, device="cpu") -> tuple[Tensor, Tensor]:
    """The clip `[T, H, W, 3]` u8, and the share of each pixel that some thing covers `[T, H, W]`."""
    x, y = samples(*scene.size, device)
    p = progress(scene.frames, scene.fps)
    video = backdrop(scene, p, x, y).expand(scene.frames, *scene.size, 3)
    covered = torch.zeros(scene.frames, *scene.size, device=device)
    for k, thing in enumerate(scene.things):
        centre, radius = seen_path(scene, k, p, offsets[k] if offsets else (0.0, 0.0))
        cover = coverage(thing, torch.from_numpy(centre).float().to(device), torch.from_numpy(radius).float().to(device), x, y)
        colour = torch.tensor(WORD_COLOURS[thing.colour], dtype=torch.float32, device=device)
        video = video + cover[..., None] * (colour - video)
        covered = torch.maximum(covered, cover)
    return torch.floor(video + 0.5).to(torch.uint8), covered


def random_offsets(scene: Scene, rng: random.Random) -> list[tuple[float, float]]:
    """Of a shape's path, as in shapes world; a word stays within the canvas."""
    return [(0.0, 0.0) if len(t.text) > 3 else world.random_offset(rng) for t in scene.things]
