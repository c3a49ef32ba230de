"""Trains the checkpoint of scene world, stage by stage, as `scene_world.json` lists them: one command, resumable.

    python3 train_scenes.py --work WORK [--config scene_world.json] [--minutes 9] [--scale 1]
Each stage writes WORK/NAME/last.pt (weights, averages, optimizers, minutes) and WORK/NAME/log.jsonl; a finished one has a
file `done` and is passed over. --minutes stops the run in the middle of whatever it does, to be continued by the same
command; --scale multiplies every stage's minutes and pools (0.01 tries all of it on a CPU). bf16 autocast; CUDA where there.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
from torch import nn

from moviegen_reference import files, perceptual, scenes
from moviegen_reference.dit import DiT, rows
from moviegen_reference.flow import path, path_velocity
from moviegen_reference.losses import outlier_penalty_loss, psnr, sample_posterior
from moviegen_reference.optimizer import Average, Optimizers
from moviegen_reference.scene_data import Bucket, ClipPool, draw_batch_of, make_bucket, textures
from moviegen_reference.tae import TAE, default_config, inflate_
from moviegen_reference.text import TextEncoders, small_encoders

NULL_SHARE, LOG_SECONDS, SAVE_SECONDS = 0.1, 10, 60
KL, OPL, OBJECT, PYRAMID, CHANGE, TEXTURE_SHARE = 1e-4, 1e-2, 4.0, 1.0, 0.5, 0.2


class Stopped(Exception):
    """The run's minutes are over."""


class Run:
    """What all stages share: configuration, device, folder, and the time that is left."""

    def __init__(self, args):
        self.config = json.loads(args.config.read_text())
        self.work, self.scale, self.until = args.work, args.scale, time.time() + 60 * args.minutes
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
        self.pools: dict[str, list] = {}

    def folder(self, stage: dict) -> Path:
        return self.work / stage["name"]

    def state(self, name: str) -> dict:
        return torch.load(self.work / name / "last.pt", map_location=self.device, weights_only=False)

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16)

    def pool_specs(self, name: str) -> list[dict]:
        specs = [p for p in self.config["pools"][name] if p["clips"] > 0]
        return [p | {"clips": max(8, round(p["clips"] * self.scale))} for p in specs]


def train(run: Run, stage: dict, model: nn.Module, is_matrix, step, extra: dict, measure=None):
    """Updates until the stage's minutes are over. `step(rng, progress)` gives the loss and named numbers."""
    out = run.folder(stage)
    out.mkdir(parents=True, exist_ok=True)
    optimizers = Optimizers(model, stage["lr"], is_matrix, weight_decay=stage.get("weight_decay", 0.0))
    average = Average(model, stage.get("average", 0.999))
    elapsed, updates = 0.0, 0
    if (out / "last.pt").exists():
        saved = run.state(stage["name"])
        model.load_state_dict(saved["model"])
        average.weights, average.updates = saved["average"], saved["updates"]
        optimizers.load_state_dict(saved["optimizers"])
        elapsed, updates = saved["elapsed"], saved["updates"]
    rng = random.Random(f"{stage.get('seed', run.config['seed'])} {stage['name']} {updates}")
    torch.manual_seed(rng.getrandbits(40))
    minutes = stage["minutes"] * run.scale

    def save():
        state = {"model": model.state_dict(), "average": average.weights, "optimizers": optimizers.state_dict(),
                 "elapsed": elapsed, "updates": updates, **extra}
        files.save(state, out / "last.pt")

    started, logged, saved_at, numbers, count = time.time() - elapsed, time.time(), time.time(), {}, 0
    while True:
        now = time.time()
        elapsed = now - started
        progress = min(elapsed / 60 / minutes, 1.0)
        loss, parts = step(rng, progress)
        model.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 1.0)
        decay = stage["final"] + (1 - stage["final"]) * 0.5 * (1 + math.cos(math.pi * progress))
        optimizers.step(min((updates + 1) / 100, 1.0) * decay)
        average.update(model)
        updates, count = updates + 1, count + 1
        numbers = {k: numbers.get(k, 0.0) + v.detach() for k, v in {"loss": loss, **parts}.items()}
        done, stop = progress >= 1.0, now > run.until
        if done or stop or now - logged > LOG_SECONDS:
            line = {"minutes": round(elapsed / 60, 3), "updates": updates, **{k: round(float(v) / count, 5) for k, v in numbers.items()}}
            if not math.isfinite(line["loss"]):
                raise RuntimeError(f"{stage['name']}: the loss is {line['loss']} after {updates} updates")
            if measure and (done or stop):
                line |= measure(average.weights)
            print(stage["name"], json.dumps(line), flush=True)
            with open(out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            logged, numbers, count = time.time(), {}, 0
        if done or stop or now - saved_at > SAVE_SECONDS:
            save()
            saved_at = time.time()
        if done:
            return
        if stop:
            raise Stopped


# Stages


def tae_stage(run: Run, stage: dict):
    images_only = stage.get("images_only", False)
    tae = TAE(default_config(**run.config["tae"], temporal=not images_only)).to(run.device, memory_format=torch.channels_last)
    if "from" in stage:
        tae.load_state_dict(run.state(stage["from"])["average"], strict=False)
        inflate_(tae)
    if "tae" not in run.pools:
        run.pools["tae"] = [ClipPool(random.Random(f"tae {i}"), spec, run.device) for i, spec in enumerate(run.pool_specs("tae"))]
    pools, batch = run.pools["tae"], stage["batch"]
    unseen = ClipPool(random.Random("unseen"), {"share": 1, "size": (64, 64), "frames": 16, "clips": 32}, run.device)
    turns = 0

    def step(rng, progress):
        nonlocal turns
        turns += 1
        image = images_only or turns % 4 == 0                              # images to videos 1 : 3
        if rng.random() < TEXTURE_SHARE:
            video = textures(rng, batch * (4 if image else 1), frames=1 if image else 16, device=run.device)
            cover = torch.zeros(video.shape[0], *video.shape[2:], device=run.device)
        else:
            pool = rng.choices(pools, [p.share for p in pools])[0]
            cost = pool.video[0].numel() / (64 * 64 * 16 * 3)
            video, cover = pool.batch(rng, max(1, int(batch * (4 if image else 1 / cost))), image)
        with run.autocast():
            mean, logvar = (t.float() for t in tae.encode(video))
            out = tae.decode(sample_posterior(mean, logvar, torch.randn_like(mean)), video.shape[2]).float()
        swept = (cover > 0).any(dim=1)[:, None, None].float()              # where a thing ever is
        weight = (1.0 + OBJECT * swept).expand_as(cover.unsqueeze(1))
        weight = weight / weight.mean()
        difference = out - video
        parts = {
            "l1": (weight * difference.abs()).mean(), "mse": (weight * difference.square()).mean(),
            "pyramid": perceptual.pyramid_loss(out, video), "change": perceptual.change_loss(out, video),
            "kl": 0.5 * (mean.square() + logvar.exp() - 1.0 - logvar).mean(),
            "opl": outlier_penalty_loss(mean + 1e-4 * torch.randn_like(mean)),
        }
        loss = parts["l1"] + 2 * parts["mse"] + PYRAMID * parts["pyramid"] + CHANGE * parts["change"] + KL * parts["kl"] + OPL * parts["opl"]
        return loss, parts

    @torch.no_grad()
    def measure(weights):
        other = TAE(tae.config).to(run.device)
        other.load_state_dict(weights)
        clips = unseen.batch(random.Random(1), 32, images_only)[0]
        waves = textures(random.Random("unseen"), 32, frames=1 if images_only else 16, device=run.device)
        through = lambda x: torch.cat([other.decode(other.encode(c)[0], c.shape[2]).clamp(-1, 1) for c in x.split(4)])
        return {"psnr": round(float(psnr(through(clips), clips)), 3), "psnr_textures": round(float(psnr(through(waves), waves)), 3)}

    train(run, stage, tae, lambda name: "conv_in." not in name and "conv_out." not in name, step, {"config": tae.config}, measure)
    if stage is [s for s in run.config["stages"] if s["kind"] == "tae"][-1]:
        run.pools.pop("tae")


def encoders(run: Run) -> TextEncoders:
    c = run.config["text"]
    rng = random.Random("captions")
    texts = [f"FPS-{s.fps}. {scenes.caption(s, rng)}" for r in scenes.LENGTHS for _ in range(6000)
             for s in [scenes.random_scene(rng, (64, 64), r, rng.choice(scenes.RATES))]]
    text = small_encoders(c["width"], c["layers"], [t.split('"')[0] + " ".join(t.split('"')[2:]) for t in texts], c["byt5_width"], c["byt5_layers"])
    text.strip_quoted = True
    return text


def latents_stage(run: Run, stage: dict):
    saved, text = run.state(stage["from"]), encoders(run)
    tae = TAE(saved["config"]).to(run.device, memory_format=torch.channels_last)
    tae.load_state_dict(saved["average"])

    def encode(video):
        with run.autocast():
            return torch.cat([tae.encode(v)[0].float() for v in video.split(16)])

    buckets, folder = [], run.folder(stage)
    folder.mkdir(parents=True, exist_ok=True)
    for i, spec in enumerate(run.pool_specs(stage["pools"])):
        drawn = folder / f"bucket-{i}.pt"
        if not drawn.exists():
            if time.time() > run.until:
                raise Stopped
            started = time.time()
            bucket = make_bucket(random.Random(f"{stage['name']} {i}"), spec, encode, text, run.device)
            files.save(vars(bucket), drawn)
            print(f"{stage['name']} {spec} in {time.time() - started:.1f} s", flush=True)
        buckets.append(torch.load(drawn, map_location=run.device, weights_only=False))
    files.save(buckets, folder / "last.pt")
    for i in range(len(buckets)):
        (folder / f"bucket-{i}.pt").unlink()


class Model(nn.Module):
    """DiT and text encoders, so that they share optimizers, average and state."""

    def __init__(self, run: Run, max_grid: list[int]):
        super().__init__()
        self.text = encoders(run)
        self.dit = DiT(run.config["dit"] | {"max_grid": max_grid, "text_dims": self.text.dims})

    def forward(self, x, t, tokens, masks):
        states, masks = self.text.encode(tokens, masks)
        return self.dit(x, t, {n: s.to(x.dtype) for n, s in states.items()}, masks)


def is_dit_matrix(name: str) -> bool:
    if name.startswith(("dit.layers.", "dit.text_proj.")):
        return name.endswith(".weight")
    return name.startswith("text.") and not any(w in name for w in ("embed", "shared", "relative"))


def grown(weights: dict, grid: list[int]) -> dict:
    """Position tables sampled linearly at more rows, the others as they are."""
    tables = {f"dit.pos_embed.{axis}": n for axis, n in zip("thw", grid)}
    return {name: rows(w, tables[name]) if name in tables else w for name, w in weights.items()}


def dit_stage(run: Run, stage: dict):
    buckets: list[Bucket] = []
    for name in stage["pools"]:
        if name not in run.pools:
            run.pools[name] = [Bucket(**b) for b in run.state(name)]
        buckets += run.pools[name]
    if "only_frames" in stage:
        buckets = [b for b in buckets if b.frames == stage["only_frames"]]
    before = run.state(stage["from"]) if "from" in stage else None
    grid = stage.get("max_grid") or before["dit"]["max_grid"]
    model = Model(run, grid).to(run.device)
    if before:
        model.load_state_dict(grown(before["average"], grid))
    first = next(b for b in run.pools[stage["pools"][0]] if b.frames == 16).latents.float()
    shift, scale = (before["shift"], before["scale"]) if before else (float(first.mean()), float(1 / first.std()))
    ids = model.text.tokenize([None])
    null = {name: rows_[0] for name, rows_ in ids.items()}
    which = [b.clean.nonzero()[:, 0] if stage.get("cleanest") and b.clean.any() else torch.arange(len(b.latents), device=run.device) for b in buckets]

    def step(rng, progress):
        k = rng.choices(range(len(buckets)), [b.share for b in buckets])[0]
        bucket = buckets[k]
        tokens_each = bucket.latents[0, 0].numel() / 128                   # relative to 64 x 64 x 16
        count = max(8, int(stage["batch"] / max(tokens_each, 0.5)))
        chosen = which[k][torch.randint(len(which[k]), (count,), device=run.device)]
        dropped = torch.rand(count, device=run.device) < NULL_SHARE
        z, tokens, masks = draw_batch_of(bucket, chosen, null, dropped)
        x1 = (z - shift) * scale
        x0, t = torch.randn_like(x1), torch.sigmoid(torch.randn(count, device=run.device))  # logit-normal
        with run.autocast():
            u = model(path(x1, x0, t), t, tokens, masks)
        return (u.float() - path_velocity(x1, x0)).square().mean(), {}

    train(run, stage | {"weight_decay": 0.01}, model, is_dit_matrix, step, {"dit": model.dit.config, "shift": shift, "scale": scale})


def average_stage(run: Run, stage: dict):
    """The mean of several runs' averaged weights (Movie Gen section 3.2)."""
    states = [run.state(name) for name in stage["of"]]
    mean = {n: sum(s["average"][n].float() for s in states) / len(states) for n in states[0]["average"]}
    run.folder(stage).mkdir(parents=True, exist_ok=True)
    files.save({k: states[0][k] for k in ("dit", "shift", "scale")} | {"average": mean}, run.folder(stage) / "last.pt")


KINDS = {"tae": tae_stage, "latents": latents_stage, "dit": dit_stage, "average": average_stage}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "scene_world.json")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--scale", type=float, default=1.0)
    run = Run(parser.parse_args())
    try:
        for stage in run.config["stages"]:
            done = run.folder(stage) / "done"
            if done.exists():
                continue
            if time.time() > run.until:
                raise Stopped
            started = time.time()
            KINDS[stage["kind"]](run, stage)
            done.touch()
            print(f"{stage['name']}: done in {(time.time() - started) / 60:.2f} min", flush=True)
    except Stopped:
        print("stopped: the same command goes on from here", flush=True)


if __name__ == "__main__":
    main()
