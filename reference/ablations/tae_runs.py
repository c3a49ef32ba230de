"""Jobs that train a small TAE: 2.5D or 3D, with and without the outlier penalty (OPL).

An image autoencoder is trained first, one a seed (`image`); each variant inflates it and trains on clips and images, 3 : 1, of
shapes world and of procedural textures. `prepare` draws the clips once for all jobs.
"""

import random

import torch
from torch import Tensor

from ablations.clips import ClipPool, textures, to_video
from ablations.common import Job, pipeline_of
from ablations.dit_variants import parameters
from ablations.measures import features, frechet, ssim
from ablations.tae_3d import TAE3D
from ablations.trainer import curve, equal_updates, operations, train
from moviegen_reference import perceptual
from moviegen_reference.files import save
from moviegen_reference.losses import outlier_penalty_loss, psnr, sample_posterior
from moviegen_reference.tae import TAE, inflate_

JOBS = {  # variant: model, weight of the OPL by its name in the configuration
    "2.5d": ("2.5d", "recipe"), "2.5d-without": ("2.5d", "without"), "2.5d-strong": ("2.5d", "strong"),
    "3d": ("3d", "recipe"), "3d-without": ("3d", "without"),
}
IMAGES_TO_A_CLIP = 4  # in a batch


def prepare(job: Job) -> dict:
    clips = {}
    for name, count in (("trained", job.config["clips"]), ("unseen", job.config["unseen"])):
        pool = ClipPool.drawn(random.Random(f"ablations {name}"), count, job.device)
        clips[name] = {"video": pool.video, "cover": pool.cover}
    save(clips, job.work / "data" / "tae.pt")
    return {name: len(c["video"]) for name, c in clips.items()}


def is_matrix(name: str) -> bool:
    return "conv_in." not in name and "conv_out." not in name


def loss_of(tae: TAE, video: Tensor, cover: Tensor, weights: dict, opl: float) -> tuple[Tensor, dict]:
    """L1 + 2 MSE (where a thing ever is weighs more), our perceptual losses, KL and OPL."""
    with torch.autocast(video.device.type, torch.bfloat16):
        mean, logvar = (t.float() for t in tae.encode(video))
        out = tae.decode(sample_posterior(mean, logvar, torch.randn_like(mean)), video.shape[2]).float()
    swept = (cover > 0).any(dim=1)[:, None, None].float()
    weight = (1.0 + weights["object"] * swept).expand_as(cover.unsqueeze(1))
    weight = weight / weight.mean()
    difference = out - video
    parts = {
        "l1": (weight * difference.abs()).mean(), "mse": (weight * difference.square()).mean(),
        "kl": 0.5 * (mean.square() + logvar.exp() - 1.0 - logvar).mean(),
        "opl": outlier_penalty_loss(mean + 1e-4 * torch.randn_like(mean)),
    }
    seen = weights["pyramid"] * perceptual.pyramid_loss(out, video) + weights["change"] * perceptual.change_loss(out, video)
    loss = parts["l1"] + 2 * parts["mse"] + seen + weights["kl"] * parts["kl"] + opl * parts["opl"]
    return loss, {name: value.detach() for name, value in parts.items()}


def batch_of(pool: ClipPool, rng: random.Random, count: int, image: bool, texture_share: float) -> tuple[Tensor, Tensor]:
    count *= IMAGES_TO_A_CLIP if image else 1
    if rng.random() >= texture_share:
        return pool.batch(rng, count, image)
    video = textures(rng, count, frames=1 if image else 16, device=pool.video.device)
    return video, torch.zeros(video.shape[0], *video.shape[2:], device=video.device)


@torch.no_grad()
def figures(tae: TAE, clips: Tensor, waves: Tensor, judge: TAE) -> dict:
    """PSNR in dB and SSIM of unseen clips and textures through the latent's mean, how far outliers reach, and the distance."""
    means, out = {}, {}
    for name, video in (("clips", clips), ("textures", waves)):
        z = [tae.encode(v)[0] for v in video.split(4)]
        means[name] = torch.cat(z)
        out[name] = torch.cat([tae.decode(part, video.shape[2]).clamp(-1, 1) for part in z])
    away = (means["clips"] - means["clips"].mean(dim=(-2, -1), keepdim=True)).norm(dim=1)                # [B, T, H, W]
    return {
        "psnr": float(psnr(out["clips"], clips)), "ssim": float(ssim(out["clips"], clips)),
        "psnr_textures": float(psnr(out["textures"], waves)), "ssim_textures": float(ssim(out["textures"], waves)),
        "frechet": frechet(features(judge, out["clips"]), features(judge, clips)),
        "opl": float(outlier_penalty_loss(means["clips"])),
        "reach": float((away.amax(dim=(-2, -1)) / away.square().mean(dim=(-2, -1)).sqrt()).mean()),
    }


def loaded(job: Job) -> tuple[ClipPool, Tensor]:
    clips = torch.load(job.work / "data" / "tae.pt", map_location=job.device)
    return ClipPool(**clips["trained"]), to_video(clips["unseen"]["video"])


def image_job(job: Job) -> dict:
    pool, unseen = loaded(job)
    torch.manual_seed(job.seed)
    tae = TAE(job.config["tae"] | {"temporal": False}).to(job.device, memory_format=torch.channels_last)

    def step(rng: random.Random, update: int):
        video, cover = batch_of(pool, rng, job.config["batch"], True, job.config["texture_share"])
        return loss_of(tae, video, cover, job.config["weights"], job.config["opl"]["recipe"])

    weights, seconds = train(job, tae, is_matrix, job.config["image_recipe"], job.config["image_updates"], step)
    save(weights, job.folder / "weights.pt")
    tae.load_state_dict(weights)
    tae.eval()
    with torch.no_grad():
        still = unseen[:, :, 8:9]
        return {"seconds": seconds, "updates": job.config["image_updates"], "psnr": float(psnr(tae.decode(tae.encode(still)[0]).clamp(-1, 1), still))}


def run(job: Job) -> dict:
    kind, opl = JOBS[job.variant]
    config, device = job.config, job.device
    pool, unseen = loaded(job)
    image = torch.load(job.work / job.ablation / f"image-s{job.seed}" / "weights.pt", map_location="cpu")

    def model_of(which: str) -> TAE:
        torch.manual_seed(job.seed)
        if which == "3d":
            return TAE3D(config["tae"], image).to(device)
        tae = TAE(config["tae"])
        tae.load_state_dict(image, strict=False)
        return inflate_(tae).to(device, memory_format=torch.channels_last)

    def counted(which: str) -> int:
        tae, total = model_of(which), 0
        for frames, share in ((16, 0.75), (1, 0.25 * IMAGES_TO_A_CLIP)):
            video, cover = torch.zeros(1, 3, frames, 64, 64, device=device), torch.zeros(1, frames, 64, 64, device=device)
            total += share * operations(lambda: loss_of(tae, video, cover, config["weights"], 0.0)[0], tae)
        return int(total) * config["batch"]

    tae, own = model_of(kind), counted(kind)
    updates = equal_updates(config["updates"], counted("2.5d"), own)

    def step(rng: random.Random, update: int):
        video, cover = batch_of(pool, rng, config["batch"], update % 4 == 3, config["texture_share"])
        return loss_of(tae, video, cover, config["weights"], config["opl"][opl])

    weights, seconds = train(job, tae, is_matrix, config["recipe"], updates, step)
    tae.load_state_dict(weights)
    tae.eval()
    waves = textures(random.Random("unseen"), len(unseen), device=device)
    return {"parameters": parameters(tae), "operations": own * updates, "updates": updates, "seconds": seconds, "curve": curve(job),
            "opl_weight": config["opl"][opl]} | figures(tae, unseen, waves, pipeline_of(job.checkpoint, device)[0].tae)
