"""One training on one process: it runs for a given time, goes on from where it was stopped, and writes its losses.

Not here: what is trained and on what (`train_*.py`), optimizers (`optimizer.py`).
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from . import files
from .optimizer import HAS_BF16, Average, Optimizers


def autocast() -> torch.autocast:
    """bf16 where the processor computes in it."""
    return torch.autocast("cpu", torch.bfloat16, enabled=HAS_BF16)


def arguments(description: str, stages: list[str], lr: float, batch: int) -> argparse.ArgumentParser:
    """The options that trainings of several stages share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=stages)
    parser.add_argument("--checkpoint", type=Path, required=True, help="a folder as models/shapes-world, to begin with")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=24, help="of cache")
    parser.add_argument("--clips", type=int, default=32, help="a shard")
    parser.add_argument("--minutes", type=float, default=60, help="wall clock; the learning rate decays over it")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--lr", type=float, default=lr)
    parser.add_argument("--final-lr", type=float, default=0.02, help="as a share of --lr")
    parser.add_argument("--decay-from", type=float, default=0.3, help="share of the run after which the rate falls")
    parser.add_argument("--average", type=float, default=0.99)
    parser.add_argument("--seed", type=int, default=0)
    return parser


class Run:
    """Optimizers, the average, the clock, the log, and the state OUT/STAGE.pt, from which a run goes on."""

    def __init__(self, model: nn.Module, config: dict, args: argparse.Namespace, is_matrix):
        """`config` is kept in the state; `is_matrix` picks by name the weights that Muon trains."""
        self.model, self.config, self.args, self.last = model, dict(config), args, args.out / f"{args.stage}.pt"
        self.optimizers, self.average = Optimizers(model, args.lr, is_matrix), Average(model, args.average)
        self.elapsed, self.updates = 0.0, 0
        if self.last.exists():
            saved = torch.load(self.last, weights_only=False)
            model.load_state_dict(saved["model"])
            self.average.weights, self.average.updates = saved["average"], saved["updates"]
            self.optimizers.load_state_dict(saved["optimizers"])
            self.elapsed, self.updates = saved["elapsed"], saved["updates"]
        torch.manual_seed(args.seed + 7919 * self.updates)                 # else what goes on would see the first clips again
        self.rng = random.Random(args.seed + 7919 * self.updates)
        self.started, self.logged_at, self.saved_at = time.time() - self.elapsed, time.time(), time.time()
        self.losses: list[float] = []

    def update(self, loss: Tensor, measured=lambda: {}) -> bool:
        """One update of the weights; whether the time is over."""
        args = self.args
        if not math.isfinite(loss.item()):
            raise RuntimeError(f"{args.stage}: the loss is {loss.item()} after {self.updates} updates")
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in self.model.parameters() if p.grad is not None], 1.0)
        self.elapsed = time.time() - self.started
        progress = self.elapsed / 60 / args.minutes
        late = max(progress - args.decay_from, 0.0) / (1 - args.decay_from)
        self.optimizers.step(min((self.updates + 1) / 50, 1.0) * (args.final_lr + (1 - args.final_lr) * (1 - min(late, 1.0))))
        self.average.update(self.model)
        self.updates += 1
        self.losses.append(loss.item())
        done = progress >= 1.0
        if done or time.time() - self.logged_at > 60:
            line = {"stage": args.stage, "minutes": round(self.elapsed / 60, 2), "updates": self.updates,
                    "loss": round(float(np.mean(self.losses)), 5), **measured()}
            print(json.dumps(line), flush=True)
            with open(args.out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            self.logged_at, self.losses = time.time(), []
        if done or time.time() - self.saved_at > 120:
            files.save({"model": self.model.state_dict(), "average": self.average.weights, "elapsed": self.elapsed,
                        "optimizers": self.optimizers.state_dict(), "updates": self.updates, "config": self.config}, self.last)
            self.saved_at = time.time()
        return done
