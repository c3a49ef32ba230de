"""Trains the DiT and its text encoders together on cached latents: of shapes world, or of a user's own videos with their captions.
Flow matching, spec section 2.

Resumes from OUT/last.pt where it exists. Latent shards (`cache_latents.py`) that appear while it runs are taken in.
    python3 train_dit.py --latents LATENTS --out OUT --minutes 60
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn

from cache_latents import facts
from moviegen_reference import distributed, files, world
from moviegen_reference.dit import DiT
from moviegen_reference.flow import path, path_velocity
from moviegen_reference.optimizer import Average, Optimizers
from moviegen_reference.pipeline import load_pipeline
from moviegen_reference.plain_attention import use_plain_attention
from moviegen_reference.text import TextEncoders, small_encoders
from moviegen_reference.training import autocast

NULL_SHARE = 0.1


class Model(nn.Module):
    """DiT and text encoders as one module, so that they share optimizers, average and checkpoint."""

    def __init__(self, config: dict, texts: list[str] | None = None):
        super().__init__()
        self.text: TextEncoders = small_encoders(texts=texts)
        self.dit = DiT(config | {"text_dims": self.text.dims})
        self.text.byt5.requires_grad_(False)      # no letters in this world: it ships untrained
        self.dit.text_proj["byt5"].requires_grad_(False)

    def forward(self, x, t, prompts):
        states, masks = self.text(prompts)
        return self.dit(x, t, {n: s.to(x.dtype) for n, s in states.items()}, masks)


def config_of(args) -> dict:
    return {"in_channels": 16, "hidden_size": args.width, "num_layers": args.layers, "num_heads": args.heads,
            "ffn_hidden_size": args.ffn, "max_grid": [4, 8, 8]}


def given_by(init: Path) -> dict:
    """Averaged weights, shift and scale of a last.pt, or of a checkpoint as `export.py` writes it."""
    if init.is_file():
        return torch.load(init, weights_only=False)
    pipeline, _ = load_pipeline(init)
    parts = {"text": pipeline.text, "dit": pipeline.dit}
    weights = {f"{part}.{name}": w for part, module in parts.items() for name, w in module.state_dict().items()}
    tae = pipeline.tae.config
    return {"average": weights, "shift": tae["shift_factor"], "scale": tae["scaling_factor"]}


def fitting(model: nn.Module, weights: dict[str, torch.Tensor]):
    """Takes over the weights whose shapes agree: another vocabulary has new embeddings."""
    new = {name: w.shape for name, w in model.state_dict().items()}
    other = [name for name in new if name not in weights or weights[name].shape != new[name]]
    if other:
        print(f"train_dit: new, since --init has other shapes: {', '.join(other)}", flush=True)
    model.load_state_dict({n: w for n, w in weights.items() if n not in other}, strict=False)


class Latents:
    """All shards of a folder, in the model's space."""

    def __init__(self, folder: Path, shift: float | None = None, scale: float | None = None):
        self.folder, self.files, self.shift, self.scale = folder, [], shift, scale
        self.z, self.rows, self.captions = torch.empty(0), torch.empty(0), []
        self.refresh()

    def refresh(self):
        new = [f for f in sorted(self.folder.glob("latents-*.safetensors")) if f not in self.files]
        if not new:
            return
        shards = []
        for file in new:
            with safe_open(file, "pt") as shard:
                shards.append({name: shard.get_tensor(name) for name in shard.keys()})
                self.captions += json.loads((shard.metadata() or {}).get("captions", "[]"))
        z = torch.cat([s["latents"] for s in shards]).float()
        if self.shift is None:
            self.shift, self.scale = float(z.mean()), float(1 / z.std())
        z = ((z - self.shift) * self.scale).half()
        rows = torch.cat([s.get("facts", torch.empty(0)) for s in shards])
        self.z, self.rows = (torch.cat([self.z, z]), torch.cat([self.rows, rows])) if self.files else (z, rows)
        self.files += new

    def batch(self, n: int, rng: random.Random) -> tuple[torch.Tensor, list[str | None]]:
        which = [rng.randrange(len(self.z)) for _ in range(n)]
        prompts = [None if rng.random() < NULL_SHARE else self.caption(i, rng) for i in which]
        return self.z[which].float(), prompts

    def caption(self, i: int, rng: random.Random) -> str:
        return self.captions[i] if self.captions else world.caption(facts(self.rows[i]), rng)

    def texts(self) -> list[str] | None:
        """What the tokenizers learn their words from; shapes world has texts of its own."""
        return [f"FPS-{world.FPS}. {text}" for text in self.captions] or None


def is_matrix(name: str) -> bool:
    if name.startswith("dit.layers.") or name.startswith("dit.text_proj."):
        return name.endswith(".weight")
    return name.startswith("text.") and "embed" not in name and "shared" not in name and "relative" not in name


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latents", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="a last.pt or a checkpoint as models/shapes-world: its weights, shift and scale are taken over")
    parser.add_argument("--minutes", type=float, required=True, help="wall clock; the learning rate decays over it")
    parser.add_argument("--batch", type=int, default=64, help="a process")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--final-lr", type=float, default=0.02, help="as a share of --lr")
    parser.add_argument("--decay-from", type=float, default=0.4, help="share of the run after which the rate falls")
    parser.add_argument("--average", type=float, default=0.998)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--ffn", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-minutes", type=float, default=4.0)
    args = parser.parse_args()

    rank, world_size = distributed.start()
    use_plain_attention()
    last = args.out / "last.pt"
    saved = torch.load(last, weights_only=False) if last.exists() else None
    given = given_by(args.init) if args.init and not saved else None
    known = saved or given
    latents = Latents(args.latents, *((known["shift"], known["scale"]) if known else ()))
    if not latents.files:
        parser.error(f"no latents-*.safetensors in {args.latents}")
    texts = saved.get("texts") if saved else latents.texts()
    torch.manual_seed(args.seed)
    model = Model(config_of(args), texts)
    if given:
        fitting(model, given["average"])
    optimizers, average = Optimizers(model, args.lr, is_matrix, weight_decay=0.01), Average(model, args.average)
    elapsed, updates = 0.0, 0
    if saved:
        model.load_state_dict(saved["model"])
        average.weights, average.updates = saved["average"], saved["updates"]
        optimizers.load_state_dict(saved["optimizers"])
        elapsed, updates = saved["elapsed"], saved["updates"]
    torch.manual_seed(args.seed * 1000 + rank + 7919 * updates)
    rng = random.Random(args.seed * 1000 + rank + 7919 * updates)
    args.out.mkdir(parents=True, exist_ok=True)

    def save():
        state = {"model": model.state_dict(), "average": average.weights, "optimizers": optimizers.state_dict(),
                 "elapsed": elapsed, "updates": updates, "config": model.dit.config,
                 "shift": latents.shift, "scale": latents.scale, "texts": texts}
        files.save(state, last)

    started, saved_at, logged_at, total, count = time.time() - elapsed, time.time(), time.time(), 0.0, 0
    while True:
        elapsed = time.time() - started
        x1, prompts = latents.batch(args.batch, rng)
        x0, t = torch.randn_like(x1), torch.sigmoid(torch.randn(args.batch))
        with autocast():
            u = model(path(x1, x0, t), t, prompts)
        loss = (u.float() - path_velocity(x1, x0)).square().mean()
        model.zero_grad(set_to_none=True)
        loss.backward()
        progress = distributed.average_gradients(model, elapsed / 60 / args.minutes)
        if not math.isfinite(loss.item()):
            raise RuntimeError(f"train_dit: the loss is {loss.item()} after {updates} updates")
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 1.0)
        late = max(progress - args.decay_from, 0.0) / (1 - args.decay_from)
        decay = args.final_lr + (1 - args.final_lr) * (1 - min(late, 1.0))
        optimizers.step(min((updates + 1) / 100, 1.0) * decay)
        average.update(model)
        updates, total, count = updates + 1, total + loss.item(), count + 1
        done = progress >= 1.0
        if rank == 0 and (done or time.time() - logged_at > 30):
            line = {"minutes": round(elapsed / 60, 2), "updates": updates, "clips": len(latents.z), "batch": args.batch,
                    "processes": world_size, "loss": round(total / count, 5)}
            print(json.dumps(line), flush=True)
            with open(args.out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            logged_at, total, count = time.time(), 0.0, 0
        if rank == 0 and (done or time.time() - saved_at > 60 * args.save_minutes):
            save()
            saved_at = time.time()
        if updates % 200 == 0:
            latents.refresh()
        if done:
            break


if __name__ == "__main__":
    main()
