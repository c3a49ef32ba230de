"""Trains one transformer with its text encoders for several jobs of shapes world: text, first and last frame, extension, edits, and
with --references videos of an object in a picture.

It starts from a text-to-video checkpoint whose new channels, task weights and image tower change nothing at first (spec sections 8
to 10), or from a checkpoint of its own. Resumes from OUT/last.pt where it exists; shards (`cache_jobs.py`, `cache_world.py`) that
appear while it runs are taken in.
    python3 train_jobs.py --init ../models/shapes-world --latents LATENTS --out OUT --minutes 90
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from moviegen_reference import distributed, files, jobs, patterns, vision, world
from moviegen_reference.conditioned import widened
from moviegen_reference.flow import path, path_velocity
from moviegen_reference.optimizer import Average, Optimizers
from moviegen_reference.pipeline import load_pipeline
from moviegen_reference.plain_attention import use_plain_attention
from moviegen_reference.training import autocast
from train_dit import is_matrix

# Of a batch of clips of 16 frames, the share of each job; batches of extension are their own, since their clips are longer.
SHARES = {"text": 0.16, "first": 0.36, "both": 0.04, "last": 0.04, "edit": 0.40}
LONG_EVERY = 6
DROPPED = {"text": 0.1, "given": 0.05, "edit": (0.05, 0.05, 0.05), "task": 0.2}  # of edits: text, video, both
GIVEN_NOISE = (-3.0, 0.5)                         # of the logarithm of its spread
REFERENCES_EVERY = 2
DROPPED_REFERENCE = {"both": 0.1, "text": 0.1, "picture": 0.05}
TOWER = vision.default_config(
    hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256, patch_size=8, image_size=world.SIZE
)


class Model(nn.Module):
    """The transformer, the text encoders and the image tower, if there is one, as one module, so that they share optimizers, average
    and checkpoint."""

    def __init__(self, init: Path, references: bool = False):
        """`references`: with an image tower, where the checkpoint has none a new one."""
        super().__init__()
        pipeline, _ = load_pipeline(init)
        self.vision = pipeline.vision or (vision.Vision(TOWER) if references else None)
        given = pipeline.dit.config.get("conditioning") == "masked"        # a checkpoint of this script: trains on
        self.dit = widened(pipeline.dit, None if given else "masked", jobs.TASKS, self.vision and self.vision.dim)
        self.text = pipeline.text
        self.train()
        self.text.byt5.requires_grad_(False)      # no letters in this world: it ships untrained
        self.dit.text_proj["byt5"].requires_grad_(False)

    def forward(self, x, t, prompts, given, tasks, pictures=None):
        """`pictures`: a reference u8 `[H, W, 3]` or None for each prompt; None: no sample has one."""
        states, masks = self.text(prompts)
        if pictures is not None:
            states["vision"], masks["vision"] = self.vision.states(pictures)
        return self.dit(x, t, {n: s.to(x.dtype) for n, s in states.items()}, masks, given=given, tasks=tasks)


class Shards:
    """All shards of one kind in a folder."""

    def __init__(self, folder: Path, kind: str):
        self.folder, self.kind, self.names, self.records = folder, kind, [], []
        self.tensors: dict[str, Tensor] = {}
        self.refresh()

    def refresh(self):
        for name in sorted(self.folder.glob(f"{self.kind}-*.safetensors")):
            if name in self.names:
                continue
            with safe_open(name, "pt") as file:
                new = {key: file.get_tensor(key) for key in file.keys()}
                self.records += json.loads(file.metadata()["records"])
            self.tensors = {k: torch.cat([self.tensors[k], v]) for k, v in new.items()} if self.names else new
            self.names.append(name)


class Batch:
    """Rows of one batch: the target, what is given where, the prompt, the task (None: no task tokens), and in a batch of references
    the pictures."""

    def __init__(self):
        self.x1, self.mask, self.given, self.prompts, self.tasks, self.pictures = [], [], [], [], [], []

    def add(self, x1: Tensor, prompt: str | None, places: dict[int, Tensor], task: int | None, rng: random.Random):
        """`places`: latent frames that are given, by their index."""
        mask, given = torch.zeros(1, *x1.shape[1:]), torch.zeros_like(x1)
        if task is None and rng.random() < DROPPED["given"]:
            places = {}
        spread = math.exp(rng.gauss(*GIVEN_NOISE))
        for k, latent in places.items():
            mask[:, k], given[:, k] = 1.0, latent
            if task is None:
                given[:, k] += spread * torch.randn_like(latent)
        for whole, value in zip((self.x1, self.mask, self.given, self.prompts, self.tasks), (x1, mask, given, prompt, task)):
            whole.append(value)

    def tensors(self):
        given = torch.cat([torch.stack(self.mask), torch.stack(self.given)], dim=1)
        return torch.stack(self.x1), given, self.prompts, self.tasks, self.pictures or None


def facts_of(record: dict | None) -> world.Facts | None:
    return world.Facts(**record) if record else None


def short_batch(shards: Shards, count: int, black: Tensor, rng: random.Random) -> Batch:
    batch, kinds = Batch(), list(SHARES)
    while len(batch.x1) < count:
        i, kind = rng.randrange(len(shards.records)), rng.choices(kinds, SHARES.values())[0]
        record, z = shards.records[i], {k: v[i].float() for k, v in shards.tensors.items()}
        before, after = facts_of(record["before"]), facts_of(record["after"])
        if kind == "edit":
            if any(f is not None and f.held_out for f in (before, after)) and rng.random() < 0.5:
                continue                          # half of what was held out stays rare; text to video never sees it
            prompt, places = record["instruction"], {0: z["before"][:, 0], 1: z["before"][:, 1]}
            no_text, no_video, neither = DROPPED["edit"]
            draw = rng.random()
            if draw < no_text + neither:
                prompt = None
            if no_text <= draw < no_text + no_video + neither:
                places = {0: black[:, 0], 1: black[:, 1]}
            task = len(jobs.TASKS) if rng.random() < DROPPED["task"] else jobs.TASKS.index(record["task"])
            batch.add(z["after"], prompt, places, task, rng)
            continue
        if after is None or after.held_out:
            continue
        places = {"text": {}, "first": {0: z["first"][:, 0]}, "last": {1: z["last"][:, 0]},
                  "both": {0: z["first"][:, 0], 1: z["last"][:, 0]}}[kind]
        prompt = world.caption(after, rng)
        if kind != "text" and rng.random() < 0.6:
            prompt = jobs.motion_prompt(after, rng)
        batch.add(z["after"], None if rng.random() < DROPPED["text"] else prompt, places, None, rng)
    return batch


def long_batch(shards: Shards, count: int, rng: random.Random) -> Batch:
    batch = Batch()
    while len(batch.x1) < count:
        i = rng.randrange(len(shards.records))
        facts, z = facts_of(shards.records[i]["facts"]), {k: v[i].float() for k, v in shards.tensors.items()}
        if facts.held_out:
            continue
        prompt = world.caption(facts, rng) if rng.random() < 0.5 else jobs.motion_prompt(facts, rng)
        places = {0: z["given"][:, 0], 1: z["given"][:, 1]}
        batch.add(z["whole"], None if rng.random() < DROPPED["text"] else prompt, places, None, rng)
    return batch


def reference_batch(shards: Shards, count: int, rng: random.Random) -> Batch:
    """Each picture is another clip's by construction: another place, size and background."""
    batch = Batch()
    while len(batch.x1) < count:
        i = rng.randrange(len(shards.records))
        looks = patterns.looks_of(shards.records[i])
        prompt, picture = patterns.caption(looks, rng), patterns.picture(looks, patterns.random_place(rng, looks))
        without, = rng.choices(["nothing", *DROPPED_REFERENCE], [1 - sum(DROPPED_REFERENCE.values()), *DROPPED_REFERENCE.values()])
        batch.add(shards.tensors["latents"][i].float(), None if without in ("text", "both") else prompt, {}, None, rng)
        batch.pictures.append(None if without in ("picture", "both") else picture)
    return batch


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--init", type=Path, required=True)
    parser.add_argument("--latents", type=Path, required=True)
    parser.add_argument("--references", type=Path, help="a folder of `cache_world.py reference`: every second batch has reference pictures")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="wall clock; the learning rate decays over it")
    parser.add_argument("--batch", type=int, default=64, help="a process")
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--final-lr", type=float, default=0.02, help="as a share of --lr")
    parser.add_argument("--decay-from", type=float, default=0.3, help="share of the run after which the rate falls")
    parser.add_argument("--average", type=float, default=0.998)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-minutes", type=float, default=3.0)
    args = parser.parse_args()

    rank, processes = distributed.start()
    torch.set_num_threads(1)
    use_plain_attention()
    torch.manual_seed(args.seed)
    model, last = Model(args.init, bool(args.references)), args.out / "last.pt"
    optimizers, average = Optimizers(model, args.lr, is_muon, weight_decay=0.01), Average(model, args.average)
    elapsed, updates = 0.0, 0
    if last.exists():
        saved = torch.load(last, weights_only=False)
        model.load_state_dict(saved["model"])
        average.weights, average.updates = saved["average"], saved["updates"]
        optimizers.load_state_dict(saved["optimizers"])
        elapsed, updates = saved["elapsed"], saved["updates"]
    short, long = Shards(args.latents, "edits"), Shards(args.latents, "long")
    pictured = Shards(args.references, "reference") if args.references else None
    black = load_black(args.init)
    torch.manual_seed(args.seed * 1000 + rank + 7919 * updates)
    rng = random.Random(args.seed * 1000 + rank + 7919 * updates)
    args.out.mkdir(parents=True, exist_ok=True)

    def save():
        files.save({"model": model.state_dict(), "average": average.weights, "optimizers": optimizers.state_dict(),
                    "elapsed": elapsed, "updates": updates, "config": model.dit.config}, last)

    started, saved_at, logged_at = time.time() - elapsed, time.time(), time.time()
    totals: dict[str, list[float]] = {}
    while True:
        elapsed = time.time() - started
        kind = "short"
        if updates % LONG_EVERY == LONG_EVERY - 1:
            kind, batch = "long", long_batch(long, args.batch // 2, rng)
        elif pictured and updates % REFERENCES_EVERY == 0:
            kind, batch = "reference", reference_batch(pictured, args.batch, rng)
        else:
            batch = short_batch(short, args.batch, black, rng)
        x1, given, prompts, tasks, pictures = batch.tensors()
        x0, t = torch.randn_like(x1), torch.sigmoid(torch.randn(len(x1)))
        with autocast():
            u = model(path(x1, x0, t), t, prompts, given, tasks, pictures)
        loss = (u.float() - path_velocity(x1, x0)).square().mean()
        model.zero_grad(set_to_none=True)
        loss.backward()
        progress = distributed.average_gradients(model, elapsed / 60 / args.minutes)
        if not math.isfinite(loss.item()):
            raise RuntimeError(f"train_jobs: the loss is {loss.item()} after {updates} updates")
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 1.0)
        late = max(progress - args.decay_from, 0.0) / (1 - args.decay_from)
        decay = args.final_lr + (1 - args.final_lr) * (1 - min(late, 1.0))
        optimizers.step(min((updates + 1) / 100, 1.0) * decay)
        average.update(model)
        updates += 1
        sum_, count = totals.get(kind, (0.0, 0))
        totals[kind] = sum_ + loss.item(), count + 1
        done = progress >= 1.0
        if rank == 0 and (done or time.time() - logged_at > 30):
            line = {"minutes": round(elapsed / 60, 2), "updates": updates, "clips": sum(len(shards.records) for shards in (short, long, pictured) if shards),
                    **{f"loss_{k}": round(s / n, 5) for k, (s, n) in sorted(totals.items())}}
            print(json.dumps(line), flush=True)
            with open(args.out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            logged_at, totals = time.time(), {}
        if rank == 0 and (done or time.time() - saved_at > 60 * args.save_minutes):
            save()
            saved_at = time.time()
        if updates % 100 == 0:
            for shards in (short, long, pictured):
                if shards:
                    shards.refresh()
        if done:
            break


def is_muon(name: str) -> bool:
    return is_matrix(name) or (name.startswith("vision.") and "encoder.layers." in name)


def load_trained(state: Path, init: Path) -> Model:
    """The average of a training state."""
    average = torch.load(state, weights_only=False)["average"]
    model = Model(init, any(name.startswith("vision.") for name in average))
    model.load_state_dict(average)
    return model.eval()


def load_black(init: Path) -> Tensor:
    """The latents of a black video: what stands for no video."""
    import numpy as np

    from cache_jobs import Encoder

    return Encoder(init)([np.zeros((world.FRAMES, world.SIZE, world.SIZE, 3), np.uint8)])[0].float()


if __name__ == "__main__":
    main()
