"""Muon for matrices and AdamW for the rest, and the running average of weights. Training only.

Muon (Jordan 2024): momentum, then the nearest semi-orthogonal matrix by five Newton-Schulz steps. A convolution counts
as the matrix [out, in * taps]. Not in the paper, which trains with AdamW: it learns more of an update on few cores.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn


# Whether the processor computes in bf16; emulated it takes ten times as long as f32.
HAS_BF16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()


def orthogonalize(g: Tensor, steps: int = 5) -> Tensor:
    """Newton-Schulz towards U V^T of the matrices `[..., n, m]`; the quintic's coefficients are Jordan's."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.to(torch.bfloat16) if HAS_BF16 else g
    flip = x.shape[-2] > x.shape[-1]
    x = x.mT if flip else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return (x.mT if flip else x).to(g.dtype)


class Muon(torch.optim.Optimizer):
    """Parameters of two and more axes. An update has root mean square `lr * 0.2`, as AdamW's roughly has."""

    def __init__(self, parameters, lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            by_shape: dict[tuple, list] = {}
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                buffer = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                g = p.grad.lerp(buffer, group["momentum"])
                by_shape.setdefault((p.shape[0], p.numel() // p.shape[0]), []).append((p, g.reshape(p.shape[0], -1)))
            for p, update in shared_out(by_shape):
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"])


def shared_out(by_shape: dict[tuple, list]) -> list[tuple[Tensor, Tensor]]:
    """Orthogonalizes matrices of a shape together; of several processes each does its share."""
    rank, size = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    results = []
    for (n, m), pairs in by_shape.items():
        mine = pairs[rank::size]
        updates = iter(orthogonalize(torch.stack([g for _, g in mine])) * (0.2 * max(n, m) ** 0.5) if mine else ())
        results += [
            (p, next(updates).reshape(p.shape) if i % size == rank else torch.zeros_like(p))
            for i, (p, _) in enumerate(pairs)
        ]
    if size > 1:
        flat = torch.cat([update.reshape(-1) for _, update in results])
        dist.all_reduce(flat)
        parts = flat.split([p.numel() for p, _ in results])
        results = [(p, part.view_as(p)) for (p, _), part in zip(results, parts)]
    return results


class Optimizers:
    """Muon for the weights that `is_matrix` picks by name, AdamW for the others, one schedule for both."""

    def __init__(self, model: nn.Module, lr: float, is_matrix, weight_decay: float = 0.0):
        named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        matrices = [p for n, p in named if p.ndim >= 2 and is_matrix(n)]
        others = [p for n, p in named if not (p.ndim >= 2 and is_matrix(n))]
        self.all = [torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.98), weight_decay=weight_decay)]
        if matrices:
            self.all.append(Muon(matrices, lr=lr, weight_decay=weight_decay))
        self.lr = lr

    def step(self, factor: float):
        for optimizer in self.all:
            for group in optimizer.param_groups:
                group["lr"] = self.lr * factor
            optimizer.step()

    def state_dict(self):
        return [o.state_dict() for o in self.all]

    def load_state_dict(self, states):
        for optimizer, state in zip(self.all, states):
            optimizer.load_state_dict(state)


class Average:
    """Exponential moving average of a model's weights; young averages forget faster."""

    def __init__(self, model: nn.Module, decay: float):
        self.decay, self.updates = decay, 0
        self.weights = {n: t.detach().clone().float() for n, t in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module):
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                self.weights[name].lerp_(tensor.float(), 1 - decay)
