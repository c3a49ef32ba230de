"""Flow matching along the optimal-transport path: Movie Gen section 3.1.2, spec section 2. t = 0 is noise, t = 1 is data.

The path and its training loss, the two schedules, four solvers, guidance. A model is a function u(x, t) here: x [B, ...],
t a float -> velocity, shaped as x. Not here: the network (`dit.py`), the noise (`philox.py`), training.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

SIGMA_MIN = 1e-5

Velocity = Callable[[Tensor, float], Tensor]


# The path.


def per_sample(t: Tensor, x: Tensor) -> Tensor:
    return t.reshape(-1, *[1] * (x.ndim - 1))                              # [B] -> [B, 1, ...]


def path(x1: Tensor, x0: Tensor, t: Tensor, sigma_min: float = SIGMA_MIN) -> Tensor:
    """X_t = t X_1 + (1 - (1 - s) t) X_0."""
    t = per_sample(t, x1)
    return t * x1 + (1 - (1 - sigma_min) * t) * x0


def path_velocity(x1: Tensor, x0: Tensor, sigma_min: float = SIGMA_MIN) -> Tensor:
    """V = X_1 - (1 - s) X_0, the derivative of X_t."""
    return x1 - (1 - sigma_min) * x0


def flow_matching_loss(predicted: Tensor, x1: Tensor, x0: Tensor, sigma_min: float = SIGMA_MIN) -> Tensor:
    """mean ||u(X_t, P, t) - V||^2, over all values."""
    return F.mse_loss(predicted, path_velocity(x1, x0, sigma_min))


def training_times(count: int, generator: torch.Generator | None = None) -> Tensor:
    """Logit-normal: sigmoid(N(0, 1))."""
    return torch.randn(count, generator=generator).sigmoid()


# Schedules: S + 1 times from 0 to 1.


def linear_schedule(steps: int) -> list[float]:
    if steps < 1:
        raise ValueError(f"linear schedule: steps must be at least 1, got {steps}")
    return [i / steps for i in range(steps + 1)]


def linear_quadratic_schedule(steps: int, n: int = 250) -> list[float]:
    """The first half are the first steps of a linear schedule of n; the second half lies on a parabola up to 1."""
    if steps < 1:
        raise ValueError(f"linear-quadratic schedule: steps must be at least 1, got {steps}")
    if n != int(n) or n < steps:
        raise ValueError(f"linear-quadratic schedule: n must be an integer of at least {steps} (steps), got {n}")
    S, L = steps, steps // 2
    if L == 0:
        return [0.0, 1.0]
    Q, tau = S - L, L / n
    d = L - tau * S
    a, b, c = d / (L * Q**2), tau / L - 2 * d / Q**2, d / (L * Q**2) * L**2
    times = [i * tau / L if i < L else a * i**2 + b * i + c for i in range(S)]
    return [*times, 1.0]


# Solvers. A fixed one makes one step of h from (x, t).


def euler_step(u: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return x + h * u(x, t)


def midpoint_step(u: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return x + h * u(x + h / 2 * u(x, t), t + h / 2)


def heun_step(u: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    first = u(x, t)
    return x + h / 2 * (first + u(x + h * first, t + h))


STEPS = {"euler": euler_step, "midpoint": midpoint_step, "heun": heun_step}


def solve(u: Velocity, x: Tensor, times: list[float], method: str = "euler", on_step=None) -> Tensor:
    """From times[0] to times[-1]; `on_step(k, x)` sees the state after step k = 1, 2, ..."""
    for k, (t, following) in enumerate(zip(times, times[1:]), start=1):
        x = STEPS[method](u, x, t, following - t)
        if on_step is not None:
            on_step(k, x)
    return x


# Dormand-Prince 5(4): nodes, stages, the weights of order 5 (the last stage's row) and of the error (order 5 minus 4).
NODES = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1]
STAGES = [
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
]
ERROR = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40]


def weighted(k: list[Tensor], weights: list[float]) -> Tensor:
    return sum(w * stage for w, stage in zip(weights, k) if w != 0)


def dopri5(
    u: Velocity, x: Tensor, t: float = 0.0, end: float = 1.0, rtol: float = 1e-5, atol: float = 1e-5, on_step=None
) -> Tensor:
    """Adaptive, as in Hairer, Norsett & Wanner, "Solving Ordinary Differential Equations I", II.4.

    The norm of an error is the root mean square, over the whole batch, of e / (atol + rtol max(|x|, |x'|)); a step is taken
    where it is below 1; the next is 0.9 norm^(-1/5) times as long, within 0.2 .. 10, and not longer right after a refusal.
    `on_step(t, x)` sees the state after each step that was taken.
    """

    def norm(value: Tensor, scale: Tensor) -> float:
        return (value / scale).square().mean().sqrt().item()

    first = u(x, t)
    h = initial_step(u, x, t, end, first, rtol, atol, norm)
    refused = False
    while t < end:
        if h < 1e-7:
            raise ArithmeticError(f"dopri5: the step fell to {h:.1e} at t = {t}; the velocity is not smooth, or not finite")
        last = t + h >= end
        h = end - t if last else h
        k = [first]
        for node, row in zip(NODES[1:], STAGES[1:]):
            following = x + h * weighted(k, row)
            k.append(u(following, end if last and node == 1 else t + node * h))
        error = norm(h * weighted(k, ERROR), atol + rtol * torch.maximum(x.abs(), following.abs()))
        if math.isnan(error):
            raise ArithmeticError(f"dopri5: the velocity is not finite at t = {t}")
        factor = 10.0 if error == 0 else min(10.0, max(0.2, 0.9 * error**-0.2))
        if error < 1:
            t, x, first = (end if last else t + h), following, k[6]        # the last stage is the next step's first
            h *= min(factor, 1.0) if refused else factor
            refused = False
            if on_step is not None:
                on_step(t, x)
        else:
            h *= factor
            refused = True
    return x


def initial_step(u: Velocity, x: Tensor, t: float, end: float, first: Tensor, rtol: float, atol: float, norm) -> float:
    """Hairer's starting step: an Euler step of 1% of |x| / |u|, and the second derivative seen over it."""
    scale = atol + rtol * x.abs()
    d0, d1 = norm(x, scale), norm(first, scale)
    h0 = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
    h0 = min(h0, end - t)
    d2 = norm(u(x + h0 * first, t + h0) - first, scale) / h0
    h1 = max(1e-6, h0 * 1e-3) if max(d1, d2) <= 1e-15 else (0.01 / max(d1, d2)) ** 0.2
    return min(100 * h0, h1, end - t)


# Guidance.


def guided(text: Velocity, null: Velocity, scale: float) -> Velocity:
    """u = u_null + g (u_text - u_null)."""

    def u(x: Tensor, t: float) -> Tensor:
        without = null(x, t)
        return without + scale * (text(x, t) - without)

    return u


def velocity_of(model, text: dict[str, Tensor], mask: dict[str, Tensor]) -> Velocity:
    """A DiT and one prompt a sample as u(x, t). Times are reckoned in f64; the model is given t rounded to f32."""

    def u(x: Tensor, t: float) -> Tensor:
        return model(x, torch.full((x.shape[0],), t, dtype=torch.float32, device=x.device), text, mask)

    return u


def sample(model, noise: Tensor, text, null, times: list[float], guidance_scale: float = 7.5, method="euler", on_step=None):
    """Noise to latents. `text` and `null` are pairs (states, masks) as the DiT takes them."""
    u = guided(velocity_of(model, *text), velocity_of(model, *null), guidance_scale)
    if method == "dopri5":
        return dopri5(u, noise, on_step=on_step)
    return solve(u, noise, times, method, on_step)
