"""MultiDiffusion: one velocity of a large video from those of windows of it. Spec section 7.

Windows along each axis, their weights, and the velocity `u = num / den`. Not here: the models, the solvers (`flow.py`).
"""

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor


def starts(A: int, n: int, o: int) -> list[int]:
    """Where the windows of n with at least o shared begin along an axis of length A."""
    if A <= n:
        return [0]
    m = math.ceil((A - n) / (n - o)) + 1
    return [i * (A - n) // (m - 1) for i in range(m)]


def weights(A: int, n: int, o: int) -> list[list[float]]:
    """The weights of each window along the axis: a ramp where it has a neighbour, over what the two share."""
    s, n = starts(A, n, o), min(A, n)
    shared = [a + n - b for a, b in zip(s, s[1:])]

    def ramp(j: int, share: int | None) -> float:
        return 1.0 if share is None else min(1.0, (j + 1) / (share + 1))

    before, after = [None, *shared], [*shared, None]
    return [[ramp(j, b) * ramp(n - 1 - j, a) for j in range(n)] for b, a in zip(before, after)]


class Windows:
    """The windows of latents `[C, T, H, W]`, in the order t, h, w. Sizes along H and W are in tokens of `patch` latents."""

    def __init__(self, shape, sizes: tuple[int, int, int], overlaps: tuple[int, int, int], patch=(1, 2, 2)):
        lengths = [length // p for length, p in zip(shape[-3:], patch)]
        axes = []
        for length, size, overlap, p in zip(lengths, sizes, overlaps, patch):
            n = min(size, length)
            axes.append([
                (slice(s * p, (s + n) * p), torch.tensor(w, dtype=torch.float64).repeat_interleave(p))
                for s, w in zip(starts(length, size, overlap), weights(length, size, overlap))
            ])
        self.places = [
            (tuple(where for where, _ in window), torch.einsum("t,h,w->thw", *(w for _, w in window)))
            for window in itertools.product(*axes)
        ]
        self.den = torch.zeros(tuple(length * p for length, p in zip(lengths, patch)), dtype=torch.float64)
        for where, weight in self.places:
            self.den[where] += weight

    def velocity(self, u: Callable[[Tensor, float, tuple], Tensor], x: Tensor, t: float) -> Tensor:
        """`u(window of x, t, place)`, averaged; x `[..., T, H, W]`."""
        num = torch.zeros_like(x)
        for where, weight in self.places:
            num[(..., *where)] += weight.to(x.dtype) * u(x[(..., *where)], t, where)
        return num / self.den.to(x.dtype)
