"""Trains the temporal autoencoder on shapes world, stage by stage: images, clips (images to clips 1 : 3), decoder alone.

Clips are drawn as they are needed, from trained and held-out triples alike (the autoencoder reads no prompt); the unseen
clips it is measured on have a seed of their own. With --manifest they come from a user's own videos, as `moviegen curate` chose them. A stage is resumed from OUT/last.pt where that exists, else starts from
--init. `python3 -m torch.distributed.run --nproc-per-node 2 train_tae.py ...` trains on two cores.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch

from moviegen_reference import distributed, files, letters, world
from moviegen_reference.manifest import Manifest
from moviegen_reference.losses import outlier_penalty_loss, psnr, sample_posterior
from moviegen_reference.optimizer import Average, Optimizers
from moviegen_reference.tae import TAE, default_config, inflate_, load_tae
from moviegen_reference.training import autocast

CONFIG = default_config(block_out_channels=[16, 32, 64, 96], layers_per_block=1, norm_num_groups=1)
UNSEEN_SEED = 77_000_001
WEIGHTS = {"object": 4.0, "mse": 2.0, "kl": 2e-4, "opl": 1e-2}


EASY, EASY_KEPT = ("stays still", "grows", "shrinks"), 0.4


def draw_clip(rng: random.Random, frames: int, crop: int, kept: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Video `[T, h, w, 3]` u8 and coverage `[T, h, w]`: a random clip, cropped where the object is at some moment.
    `kept`: the share of clips whose centre rests (5 dB ahead of the others) that is not drawn anew."""
    facts = world.random_facts(rng, held_out=rng.random() < 0.14)
    while facts.motion in EASY and rng.random() > kept:
        facts = world.random_facts(rng, held_out=rng.random() < 0.14)
    offset = world.random_offset(rng)
    centre, radius = world.path(facts.motion, facts.size)
    moment = rng.randrange(world.FRAMES)
    which = [moment] if frames == 1 else range(world.FRAMES)
    x, y = centre[moment] + world.CENTRE + np.array(offset)
    corner = [int(min(max(c - crop / 2 + rng.uniform(-1, 1) * crop / 4, 0), world.SIZE - crop)) for c in (x, y)]
    cover = np.stack([
        world.coverage(facts.shape, *(centre[k] + world.CENTRE + np.array(offset)), radius[k]) for k in which
    ])[:, corner[1] : corner[1] + crop, corner[0] : corner[0] + crop]
    return world.paint(cover, facts.colour, facts.background), cover


def draw_word(rng: random.Random, frames: int, crop: int) -> tuple[np.ndarray, np.ndarray]:
    """As `draw_clip`, of a word, cropped about the canvas's middle; longer words, which are finer, more often."""
    word = letters.random_word(rng, held_out_too=True, lengths=(1, 2, 3))
    clip = letters.draw(word, letters.random_offset(rng))
    corner = (world.SIZE - crop) // 2
    clip = clip[:, corner : corner + crop, corner : corner + crop]
    cover = (clip != np.array(world.BACKGROUNDS[word.background], np.uint8)).any(axis=-1).astype(np.float32)
    return (clip, cover) if frames > 1 else (clip[(k := rng.randrange(world.FRAMES)) :][:1], cover[k:][:1])


def to_video(clips: list[np.ndarray]) -> torch.Tensor:
    """u8 `[T, H, W, 3]` each to `[B, 3, T, H, W]` in [-1, 1]."""
    return torch.from_numpy(np.stack(clips)).permute(0, 4, 1, 2, 3).float() / 127.5 - 1.0


def unseen_clips(count: int, frames: int = world.FRAMES) -> torch.Tensor:
    rng = random.Random(UNSEEN_SEED)
    clips = [draw_clip(rng, world.FRAMES, world.SIZE)[0] for _ in range(count)]
    return to_video([c[::5][:1] if frames == 1 else c for c in clips])


def loss_of(tae: TAE, video: torch.Tensor, cover: torch.Tensor, frozen_encoder: bool) -> tuple[torch.Tensor, dict]:
    with autocast():
        with torch.set_grad_enabled(not frozen_encoder):
            mean, logvar = (t.float() for t in tae.encode(video))
        z = sample_posterior(mean, logvar, torch.randn_like(mean))
        out = tae.decode(z, video.shape[2]).float()
    swept = (cover > 0).any(dim=1)[:, None, None].float()                  # [B, 1, 1, H, W]: where the object ever is
    weight = (1.0 + WEIGHTS["object"] * swept).expand_as(cover.unsqueeze(1))
    weight = weight / weight.mean()
    backdrop = video.flatten(2).median(dim=2).values[:, :, None, None, None]
    contrast = (video - backdrop).square().sum(dim=1).sqrt().flatten(1).amax(dim=1)
    weight = weight * (1.5 / contrast.clamp(0.5, 4.0)).view(-1, 1, 1, 1, 1)  # a pale object's outline counts as much
    difference = out - video
    parts = {
        "l1": (weight * difference.abs()).mean(),
        "mse": (weight * difference.square()).mean(),
        "kl": 0.5 * (mean.square() + logvar.exp() - 1.0 - logvar).mean(),
        "opl": outlier_penalty_loss(mean + 1e-4 * torch.randn_like(mean)),
    }
    loss = parts["l1"] + WEIGHTS["mse"] * parts["mse"]
    if not frozen_encoder:
        loss = loss + WEIGHTS["kl"] * parts["kl"] + WEIGHTS["opl"] * parts["opl"]
    parts["psnr"] = psnr(out, video)
    return loss, {name: float(value.detach()) for name, value in parts.items()}


@torch.no_grad()
def evaluate(tae: TAE, video: torch.Tensor) -> dict:
    """PSNR in dB on unseen clips through the latent's mean: over all values, and the worst clip's."""
    each = []
    for clip in video.split(1):
        mean, _ = tae.encode(clip)
        each.append(((tae.decode(mean, clip.shape[2]).clamp(-1, 1) - clip) / 2).square().mean().item())
    return {"psnr": -10 * math.log10(sum(each) / len(each)), "worst": -10 * math.log10(max(each))}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=["image", "video", "decoder"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="a last.pt of an earlier stage, or a folder as models/shapes-world/tae")
    parser.add_argument("--manifest", type=Path, help="train on the kept clips of a manifest of `moviegen curate`")
    parser.add_argument("--letters", type=float, default=0.0, help="share of clips that show words")
    parser.add_argument("--minutes", type=float, required=True, help="wall clock; the learning rate decays over it")
    parser.add_argument("--batch", type=int, default=4, help="clips a process; more where they are images")
    parser.add_argument("--crop", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--final-lr", type=float, default=0.05, help="as a share of --lr")
    parser.add_argument("--adamw", action="store_true", help="AdamW for everything")
    parser.add_argument("--average", type=float, default=0.995)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measure-minutes", type=float, default=3.0)
    args = parser.parse_args()

    rank, world_size = distributed.start()
    torch.manual_seed(args.seed * 1000 + rank)
    tae = TAE(CONFIG | {"temporal": args.stage != "image"}).to(memory_format=torch.channels_last)
    last = args.out / "last.pt"
    if args.init and not last.exists():
        exported = args.init.is_dir()
        given = load_tae(args.init).state_dict() if exported else torch.load(args.init, weights_only=False)["average"]
        tae.load_state_dict(given, strict=False)
        if not any("temporal" in name for name in given):
            inflate_(tae)
    if args.stage == "decoder":
        for name, p in tae.named_parameters():
            p.requires_grad_(name.startswith("decoder."))
    distributed.same_everywhere(tae)

    def is_matrix(name: str) -> bool:
        return not args.adamw and "conv_in." not in name and "conv_out." not in name

    optimizers, average = Optimizers(tae, args.lr, is_matrix), Average(tae, args.average)
    elapsed, updates = 0.0, 0
    if last.exists():
        saved = torch.load(last, weights_only=False)
        tae.load_state_dict(saved["model"])
        average.weights, average.updates = saved["average"], saved["updates"]
        optimizers.load_state_dict(saved["optimizers"])
        elapsed, updates = saved["elapsed"], saved["updates"]
    torch.manual_seed(args.seed * 1000 + rank + 7919 * updates)            # else what goes on would see the first clips again
    rng = random.Random(args.seed * 1000 + rank + 7919 * updates)
    args.out.mkdir(parents=True, exist_ok=True)
    measured = TAE(tae.config)
    measured_frames = 1 if args.stage == "image" else world.FRAMES
    manifest = Manifest(args.manifest, world.SIZE, world.FPS, world.FRAMES) if args.manifest else None
    unseen = to_video(manifest.unseen(24, measured_frames)) if manifest else unseen_clips(24, measured_frames)

    def draw(frames: int) -> tuple[np.ndarray, np.ndarray]:
        if args.letters and rng.random() < args.letters:
            return draw_word(rng, frames, args.crop)
        return manifest.draw(rng, frames, args.crop) if manifest else draw_clip(rng, frames, args.crop, EASY_KEPT)

    def save():
        state = {"model": tae.state_dict(), "average": average.weights, "optimizers": optimizers.state_dict(),
                 "elapsed": elapsed, "updates": updates, "config": tae.config}
        files.save(state, last)

    started, measured_at, sums, count = time.time() - elapsed, time.time(), {}, 0
    while True:
        elapsed = time.time() - started
        image = args.stage == "image" or (args.stage == "video" and updates % 4 == 3)
        count_drawn = args.batch * (1 if not image else 4 if args.stage == "image" else 2)
        drawn = [draw(1 if image else world.FRAMES) for _ in range(count_drawn)]
        video, cover = to_video([d[0] for d in drawn]), torch.from_numpy(np.stack([d[1] for d in drawn]))
        loss, parts = loss_of(tae, video, cover, args.stage == "decoder")
        tae.zero_grad(set_to_none=True)
        loss.backward()
        progress = distributed.average_gradients(tae, elapsed / 60 / args.minutes)
        if not math.isfinite(loss.item()):
            raise RuntimeError(f"train_tae: the loss is {loss.item()} after {updates} updates")
        torch.nn.utils.clip_grad_norm_([p for p in tae.parameters() if p.grad is not None], 1.0)
        decay = args.final_lr + (1 - args.final_lr) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
        optimizers.step(min((updates + 1) / 50, 1.0) * decay)
        average.update(tae)
        updates += 1
        if not image or args.stage == "image":
            sums = {name: sums.get(name, 0.0) + value for name, value in parts.items()}
            count += 1
        done = progress >= 1.0
        if rank == 0 and (done or time.time() - measured_at > 60 * args.measure_minutes):
            measured.load_state_dict(average.weights)
            line = {"stage": args.stage, "minutes": round(elapsed / 60, 2), "updates": updates, "processes": world_size,
                    "train": {name: round(value / count, 5) for name, value in sums.items()},
                    "unseen": {name: round(v, 3) for name, v in evaluate(measured, unseen).items()}}
            print(json.dumps(line), flush=True)
            with open(args.out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            save()
            measured_at, sums, count = time.time(), {}, 0
        if done:
            break


if __name__ == "__main__":
    main()
