"""Updates until a number of them is done, resumed exactly: what a variant draws depends on its seed and the update's number
alone, so that variants of a seed see the same clips and the same noise, and a run that was stopped goes on as if it had not been.

Equal compute: a variant's number of updates is the baseline's times the quotient of their floating point operations in an
update's forward and backward pass, counted by PyTorch. The optimizer's work is not counted.
"""

import json
import math
import random
import time

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ablations.common import Job, Stopped
from moviegen_reference.files import save
from moviegen_reference.optimizer import Average, Optimizers

SAVE_SECONDS, LOG_LINES = 60, 60


def operations(loss_of, model: nn.Module) -> int:
    """Floating point operations of one forward and backward pass."""
    counter = FlopCounterMode(display=False)
    with counter:
        loss_of().backward()
    model.zero_grad(set_to_none=True)
    return counter.get_total_flops()


def equal_updates(updates: int, baseline: int, own: int) -> int:
    return max(1, round(updates * baseline / own))


def train(job: Job, model: nn.Module, is_matrix, recipe: dict, updates: int, loss_of) -> tuple[dict[str, Tensor], float]:
    """`loss_of(rng, update)` gives the loss and named parts. Returns the averaged weights and the seconds it took.

    recipe: `lr` (Muon's and AdamW's), `final` (its last share; a cosine in between), `warmup` updates, `average`."""
    last, log = job.folder / "last.pt", job.folder / "log.jsonl"
    job.folder.mkdir(parents=True, exist_ok=True)
    optimizers = Optimizers(model, recipe["lr"], is_matrix, weight_decay=recipe.get("weight_decay", 0.0))
    average, done, before = Average(model, recipe["average"]), 0, 0.0
    total, count = torch.zeros((), device=job.device), 0
    if last.exists():
        saved = torch.load(last, map_location=job.device)
        model.load_state_dict(saved["model"])
        optimizers.load_state_dict(saved["optimizers"])
        average.weights, average.updates = saved["average"], saved["updates"]
        done, before, total, count = saved["updates"], saved["seconds"], saved["total"], saved["count"]
    lines = log.read_text().splitlines() if log.exists() else []
    log.write_text("".join(line + "\n" for line in lines if json.loads(line)["updates"] <= done))
    started = saved_at = time.time()

    def keep():
        save({"model": model.state_dict(), "optimizers": optimizers.state_dict(), "average": average.weights, "updates": done,
              "seconds": before + time.time() - started, "total": total, "count": count}, last)

    every = max(1, updates // LOG_LINES)
    while done < updates:
        if time.time() > job.until:
            keep()
            raise Stopped
        torch.manual_seed(1_000_003 * job.seed + done)
        loss, parts = loss_of(random.Random(f"{job.seed} {done}"), done)
        model.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 1.0)
        decay = recipe["final"] + (1 - recipe["final"]) * 0.5 * (1 + math.cos(math.pi * done / updates))
        optimizers.step(min((done + 1) / recipe["warmup"], 1.0) * decay)
        average.update(model)
        total, count, done = total + loss.detach(), count + 1, done + 1
        if done % every == 0 or done == updates:
            line = {"updates": done, "seconds": round(before + time.time() - started, 2), "loss": round(float(total) / count, 5)}
            if not math.isfinite(line["loss"]):
                raise RuntimeError(f"{job.name}: the loss is {line['loss']} after {done} updates")
            with open(log, "a") as file:
                file.write(json.dumps(line | {name: round(float(v), 5) for name, v in parts.items()}) + "\n")
            total, count = torch.zeros((), device=job.device), 0
        if time.time() - saved_at > SAVE_SECONDS:
            keep()
            saved_at = time.time()
    keep()
    return average.weights, before + time.time() - started


def curve(job: Job) -> list[list[float]]:
    """(updates, loss) of the log."""
    return [[line["updates"], line["loss"]] for line in map(json.loads, (job.folder / "log.jsonl").read_text().splitlines())]
