"""Trains the upsampler of shapes world, 64 to 128 px, in three stages, of which each goes on from OUT's files where they exist:

    python3 train_upsampler.py cache       --checkpoint ../models/shapes-world --out OUT --shards 24
    python3 train_upsampler.py transformer --checkpoint ../models/shapes-world --out OUT --minutes 60
    python3 train_upsampler.py decoder     --checkpoint ../models/shapes-world --out OUT --minutes 20 --lr 2e-3

Its image autoencoder is the checkpoint's TAE made into one (`upscale.image_autoencoder`). `cache` encodes clips with it: the true
ones and what the TAE makes of small ones, enlarged; `transformer` learns the flow from the second to the first; `decoder` trains
on true clips what turns latents into pixels, so that it may run before or after. Shards that appear while it runs are taken in.
"""

import json
import math
import os
import random
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from moviegen_reference import world
from moviegen_reference.conditioned import ConditionedDiT
from moviegen_reference.dit import PositionEmbedding, default_config, load_dit
from moviegen_reference.flow import path, path_velocity
from moviegen_reference.plain_attention import use_plain_attention
from moviegen_reference.tae import TAE, load_tae
from moviegen_reference.training import Run, arguments, autocast
from moviegen_reference.upscale import draw_large, enlarge, image_autoencoder, through
from train_tae import evaluate, loss_of, to_video

WINDOW = (8, 2)                                   # frames of a window, and how many neighbours share
CONFIG = default_config(
    in_channels=32, out_channels=16, conditioning="video", hidden_size=160, num_layers=3, num_heads=5, ffn_hidden_size=256,
    timestep_dim=64, max_grid=[WINDOW[0], 8, 8], text_dims={},
)
UNSEEN_SEED = 77_000_002
CROP, WHOLE_EVERY = 5, 4                          # tokens of a crop along each side; how often a batch has whole frames instead
EARLY = 0.4                                       # share of the times drawn that are 0, where few steps begin


def random_clip(rng: random.Random) -> tuple[world.Facts, tuple[float, float]]:
    return world.random_facts(rng, held_out=rng.random() < 0.14), world.random_offset(rng)


def temporal_autoencoder(checkpoint: Path) -> TAE:
    return load_tae(checkpoint / json.loads((checkpoint / "model_index.json").read_text())["tae"]).to(memory_format=torch.channels_last)


def autoencoders(checkpoint: Path, out: Path) -> tuple[TAE, TAE]:
    """The checkpoint's TAE, and the image autoencoder with the scale and shift that make its latents of unit spread."""
    tae = temporal_autoencoder(checkpoint)
    vae, place = image_autoencoder(tae).to(memory_format=torch.channels_last), out / "spread.json"
    if not place.exists():
        rng = random.Random(UNSEEN_SEED + 1)
        with torch.no_grad():
            z = torch.cat([vae.encode(to_video([draw_large(*random_clip(rng))[::5]]))[0].flatten() for _ in range(16)])
        place.write_text(json.dumps({"shift_factor": z.mean().item(), "scaling_factor": 1 / z.std().item()}) + "\n")
    vae.config |= json.loads(place.read_text())
    return tae, vae


def cache(tae: TAE, vae: TAE, args):
    """A shard `clips-SEED` holds `true` and `given`, latents `[n, 16, 16, 16, 16]` in f16 in the transformer's space."""
    for seed in range(args.seed, args.seed + args.shards):
        place, rng = args.out / f"clips-{seed:04d}.safetensors", random.Random(5_000_000 + seed)
        if place.exists():
            continue
        made: dict[str, list[Tensor]] = {"true": [], "given": []}
        for _ in range(args.clips):
            facts, offset = random_clip(rng)
            with torch.no_grad(), autocast():
                given = enlarge(through(tae, to_video([world.draw(facts, offset)])).float())
                for name, video in (("true", to_video([draw_large(facts, offset)])), ("given", given)):
                    made[name].append(vae.to_model_space(vae.encode(video)[0].float()).half())
        save_file({name: torch.cat(parts).contiguous() for name, parts in made.items()}, place.with_suffix(".part"))
        os.replace(place.with_suffix(".part"), place)
        print(place.name, flush=True)


class Clips:
    """All shards of a folder."""

    def __init__(self, folder: Path):
        self.folder, self.names, self.tensors = folder, [], {}
        self.refresh()

    def refresh(self):
        for name in sorted(self.folder.glob("clips-*.safetensors")):
            if name not in self.names:
                new = load_file(name)
                self.tensors = {k: torch.cat([self.tensors[k], v]) for k, v in new.items()} if self.names else new
                self.names.append(name)

    def windows(self, count: int, rng: random.Random) -> tuple[Tensor, Tensor]:
        """Of `count` clips a window each: true and given latents `[B, C, n, h, w]`."""
        frames, parts = WINDOW[0], ([], [])
        for _ in range(count):
            i, start = rng.randrange(len(self.tensors["true"])), rng.randrange(world.FRAMES - frames + 1)
            for part, name in zip(parts, ("true", "given")):
                part.append(self.tensors[name][i, :, start : start + frames].float())
        return torch.stack(parts[0]), torch.stack(parts[1])


class CropPositions(PositionEmbedding):
    """Position tables from which each sample reads its own rows; its weights are those of `PositionEmbedding`."""

    origins: list[tuple[int, int]] | None = None                           # first row and column of each sample, None: whole frames

    def forward(self, grid: tuple[int, int, int]) -> Tensor:
        if self.origins is None:
            return super().forward(grid)
        T, H, W = grid
        t = self.t[:T, None, None]
        return torch.stack([                                               # [B, N, D]
            (t + self.h[y : y + H, None] + self.w[x : x + W]).flatten(0, 2) for y, x in self.origins
        ])


def crops(x1: Tensor, given: Tensor, patch: int, rng: random.Random) -> tuple[Tensor, Tensor, list[tuple[int, int]]]:
    """Of each window a part around where there is something to learn: most of a frame is plain. Origins are in tokens."""
    parts, origins = [], []
    for true, low in zip(x1, given):
        missing = (true - low).square().sum(dim=(0, 1))                    # [h, w]
        at = divmod(rng.choices(range(missing.numel()), missing.flatten().tolist())[0], missing.shape[1])
        last = missing.shape[0] // patch - CROP
        y, x = (min(max(v // patch - rng.randrange(CROP), 0), last) for v in at)
        where = (..., slice(y * patch, (y + CROP) * patch), slice(x * patch, (x + CROP) * patch))
        parts.append((true[where], low[where]))
        origins.append((y, x))
    return torch.stack([p[0] for p in parts]), torch.stack([p[1] for p in parts]), origins


@torch.no_grad()
def start_at_given(dit: ConditionedDiT) -> ConditionedDiT:
    """Weights with which the first velocity is nearly what is given minus x_t: the flow to the enlarged video itself.

    Layers are the identity at first. Patches are turned into the wider space without loss; the output turns the difference back,
    and undoes the norm, which divides by about sqrt(2 p / D) where x_t and what is given have p values of unit spread per token.
    """
    D, both = dit.patch_embed.weight.flatten(1).shape
    C, p = dit.out_channels, both // 2
    turn = torch.linalg.qr(torch.randn(D, both))[0]                        # [D, 2p], orthonormal columns
    dit.patch_embed.weight.copy_(turn.view_as(dit.patch_embed.weight))
    x, given = turn.unflatten(1, (2, C, -1)).transpose(2, 3).flatten(2).unbind(1)  # [D, p] each, as (patch, C): a token's order
    dit.output.weight.copy_((given - x).T * math.sqrt(2 * p / D))
    return dit


def transformer(args):
    use_plain_attention()
    torch.manual_seed(args.seed)
    dit = load_dit(args.init / "transformer") if args.init else start_at_given(ConditionedDiT(CONFIG))
    clips = Clips(args.out)
    dit.pos_embed.__class__ = CropPositions
    run, done = Run(dit, CONFIG, args, lambda name: name.startswith("layers.") and name.endswith(".weight")), False
    while not done:
        dit.pos_embed.origins = None
        if run.updates % WHOLE_EVERY == 0:
            x1, given = clips.windows(args.batch // 2, run.rng)
        else:
            x1, given, dit.pos_embed.origins = crops(*clips.windows(args.batch, run.rng), dit.patch[1], run.rng)
        x0, t = torch.randn_like(x1), torch.sigmoid(torch.randn(len(x1)))
        t = t * (torch.rand(len(t)) >= EARLY)
        with autocast():
            u = dit(path(x1, x0, t), t, {}, {}, given=given)
        done = run.update((u.float() - path_velocity(x1, x0)).square().mean(), lambda: {"clips": len(clips.tensors["true"])})
        if run.updates % 50 == 0:
            clips.refresh()


def decoder(vae: TAE, args):
    for name, p in vae.named_parameters():
        p.requires_grad_(name.startswith("decoder."))
    run, done = Run(vae, vae.config, args, lambda name: "conv_in." not in name and "conv_out." not in name), False
    rng, measured = random.Random(UNSEEN_SEED), TAE(vae.config)
    unseen = to_video([draw_large(*random_clip(rng))[k % world.FRAMES :][:1] for k in range(24)])

    def psnr() -> dict:
        measured.load_state_dict(run.average.weights)
        return {"unseen": {name: round(value, 3) for name, value in evaluate(measured, unseen).items()}}

    while not done:
        frames = [draw_frame(run.rng) for _ in range(args.batch)]
        video, cover = to_video([f for f, _ in frames]), torch.from_numpy(np.stack([c for _, c in frames]))
        done = run.update(loss_of(vae, video, cover, frozen_encoder=True)[0], psnr)


def draw_frame(rng: random.Random) -> tuple[np.ndarray, np.ndarray]:
    """A frame `[1, H, W, 3]` u8 of a random large clip, and its coverage `[1, H, W]`."""
    facts, offset = random_clip(rng)
    centre, radius = world.path(facts.motion, facts.size)
    k = rng.randrange(world.FRAMES)
    place = [2 * (world.CENTRE + v + o + 0.5) - 0.5 for v, o in zip(centre[k], offset)]
    cover = world.coverage(facts.shape, *place, 2 * radius[k], (2 * world.SIZE, 2 * world.SIZE))[None]
    return world.paint(cover, facts.colour, facts.background), cover


def main():
    parser = arguments(__doc__, ["cache", "transformer", "decoder"], lr=6e-3, batch=8)
    parser.add_argument("--init", type=Path, help="of transformer and decoder: an upsampler to go on from")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    if args.stage == "transformer":
        return transformer(args)
    tae, vae = autoencoders(args.checkpoint, args.out)
    if args.init:
        vae.load_state_dict(load_tae(args.init / "vae").state_dict())
    cache(tae, vae, args) if args.stage == "cache" else decoder(vae, args)


if __name__ == "__main__":
    main()
