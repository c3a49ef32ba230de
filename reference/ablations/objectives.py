"""Three training objectives for one network: flow matching, and diffusion that predicts epsilon or v.

The network sees (x, t) with t = 0 noise and t = 1 data throughout. Each objective says which times are trained on, what is
corrupted and predicted, what a prediction says of the data, and how to sample. Guidance is the same for all: what is
predicted is affine in the estimate of the data, so `flow.guided` on any of them is `flow.guided` on that estimate.

Diffusion: X_k = sqrt(a_k) X_1 + sqrt(1 - a_k) X_0, k = 0 .. K-1, and t = 1 - k / (K-1).
  - betas: sqrt(beta) linear from sqrt(0.00085) to sqrt(0.012), K = 1000, latent diffusion's (Rombach et al. 2022).
  - v: the schedule rescaled to zero terminal SNR (Lin et al. 2023, arXiv 2305.08891, algorithm 1), as the paper's baseline.
  - epsilon: the schedule as it is. At zero SNR epsilon is the input and says nothing of the data, so that nothing could be
    sampled from there (Lin et al., section 3.2).
  - DDIM (Song et al. 2021) with eta = 0 over "trailing" steps (Lin et al., section 3.3): the first is k = K-1, the last goes to
    the data.
"""

import torch
from torch import Tensor

from moviegen_reference import flow
from moviegen_reference.flow import per_sample

K = 1000


class FlowMatching:
    """X_t = t X_1 + (1 - t) X_0, the velocity predicted; logit-normal times; Euler over the linear-quadratic schedule."""

    def times(self, count: int, device=None) -> Tensor:
        return torch.sigmoid(torch.randn(count, device=device))

    def corrupt(self, x1: Tensor, x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """What the network sees, and what it is to predict."""
        return flow.path(x1, x0, t), flow.path_velocity(x1, x0)

    def data_of(self, predicted: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """The estimate of X_1, to within sigma_min."""
        return x + (1 - (1 - flow.SIGMA_MIN) * per_sample(t, x)) * predicted

    def time_at(self, log_snr: float) -> float:
        """The time whose log of the signal-to-noise ratio, 2 ln(t / (1 - t)), is nearest."""
        return float(torch.sigmoid(torch.tensor(log_snr / 2)))

    def sample(self, u: flow.Velocity, noise: Tensor, steps: int) -> Tensor:
        return flow.solve(u, noise, flow.linear_quadratic_schedule(steps, max(250, steps)))


def alphas(zero_terminal_snr: bool) -> Tensor:
    """a_k, the product of 1 - beta up to k, in f64 `[K]`."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, K, dtype=torch.float64) ** 2
    root = torch.cumprod(1 - betas, 0).sqrt()
    if zero_terminal_snr:
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])          # the last becomes 0, the first stays
    return root.square()


class Diffusion:
    def __init__(self, predicts: str):
        if predicts not in ("epsilon", "v"):
            raise ValueError(f"diffusion: predicts epsilon or v, got {predicts}")
        self.predicts = predicts
        self.a = alphas(zero_terminal_snr=predicts == "v")

    def times(self, count: int, device=None) -> Tensor:
        return 1 - torch.randint(K, (count,), device=device) / (K - 1)

    def roots(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(a) and sqrt(1 - a) at times `[B]`, shaped to multiply x."""
        a = self.a.to(t.device)[((1 - t) * (K - 1)).round().long()]
        return per_sample(a.sqrt().to(x.dtype), x), per_sample((1 - a).sqrt().to(x.dtype), x)

    def corrupt(self, x1: Tensor, x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        signal, noise = self.roots(t, x1)
        return signal * x1 + noise * x0, x0 if self.predicts == "epsilon" else signal * x0 - noise * x1

    def data_of(self, predicted: Tensor, x: Tensor, t: Tensor) -> Tensor:
        signal, noise = self.roots(t, x)
        return (x - noise * predicted) / signal if self.predicts == "epsilon" else signal * x - noise * predicted

    def time_at(self, log_snr: float) -> float:
        k = int((torch.log(self.a / (1 - self.a)) - log_snr).abs().argmin())
        return 1 - k / (K - 1)

    def sample(self, u: flow.Velocity, noise: Tensor, steps: int) -> Tensor:
        ks = [round(K - i * K / steps) - 1 for i in range(steps)]
        x = noise
        for k, following in zip(ks, [*ks[1:], None]):
            t = torch.full((len(x),), 1 - k / (K - 1), device=x.device)
            data = self.data_of(u(x, 1 - k / (K - 1)), x, t)
            if following is None:
                return data
            signal, noise_share = self.roots(t, x)
            epsilon = (x - signal * data) / noise_share
            a = float(self.a[following])
            x = a**0.5 * data + (1 - a) ** 0.5 * epsilon
        return x


OBJECTIVES = {"flow": FlowMatching, "epsilon": lambda: Diffusion("epsilon"), "v": lambda: Diffusion("v")}
