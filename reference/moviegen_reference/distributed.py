"""Data parallelism in a few lines: gradients averaged over processes (gloo), one thread each. Training only."""

import os

import torch
import torch.distributed as dist
from torch import nn


def start() -> tuple[int, int]:
    """Rank and number of processes: 0 of 1 unless started by `python3 -m torch.distributed.run`."""
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    if "WORLD_SIZE" not in os.environ:
        return 0, 1
    dist.init_process_group("gloo")
    return dist.get_rank(), dist.get_world_size()


def average_gradients(model: nn.Module, progress: float) -> float:
    """Averages all gradients, and the progress of the run with them so that all processes end together."""
    if not dist.is_initialized():
        return progress
    parameters = [p for p in model.parameters() if p.requires_grad]
    parts = [(p.grad if p.grad is not None else torch.zeros_like(p)).reshape(-1) for p in parameters]
    flat = torch.cat(parts + [torch.tensor([progress])])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    offset = 0
    for p in parameters:
        p.grad = flat[offset : offset + p.numel()].view_as(p)
        offset += p.numel()
    return float(flat[-1])


def same_everywhere(model: nn.Module):
    if dist.is_initialized():
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, 0)
