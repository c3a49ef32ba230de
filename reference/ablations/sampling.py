"""Two ablations of sampling that only want a trained checkpoint: linear-quadratic against linear steps, and guidance.

`steps`: how far a sample of S steps is from the one of 1,000 linear steps out of the same noise, S = 10, 20, 50, 100.
`guidance`: what the judge says at each guidance scale. Prompts are those of shapes world's validation list, trained and
held-out ones in turn; a prompt of number i in that list is sampled with seed 1000 s + i of noise seed s.
"""

import numpy as np
import torch
from torch import Tensor

from ablations.common import Job, pipeline_of
from ablations.measures import judged
from moviegen_reference import flow, philox, world
from moviegen_reference.files import save
from moviegen_reference.pipeline import Pipeline

SCHEDULES = {"linear": flow.linear_schedule, "linear-quadratic": flow.linear_quadratic_schedule}
SAVE_STEPS = 25


def validation_entries(count: int) -> list[dict]:
    """Trained and held-out prompts in turn, spread evenly over the list, which holds other wordings first."""
    entries = world.evaluation_prompts(world.VALIDATION_SEED)
    kinds = [[e for e in entries if e["held_out"] == held_out] for held_out in (False, True)]
    half = -(-count // 2)
    picked = [[kind[i * len(kind) // half] for i in range(half)] for kind in kinds]
    return [e for pair in zip(*picked) for e in pair][:count]


class Sampler:
    """A checkpoint with some prompts: their velocity under guidance, and their noise."""

    def __init__(self, pipeline: Pipeline, entries: list[dict], device: torch.device):
        self.pipeline, self.entries, self.device = pipeline, entries, device
        prompts = [e["prompt"] for e in entries]
        with torch.no_grad():
            self.text, self.null = pipeline.text(prompts), pipeline.text([None] * len(prompts))

    def velocity(self, guidance: float) -> flow.Velocity:
        text = flow.velocity_of(self.pipeline.dit, *self.text)
        return text if guidance == 1 else flow.guided(text, flow.velocity_of(self.pipeline.dit, *self.null), guidance)

    def noise(self, seed: int) -> Tensor:
        tae = self.pipeline.tae
        shape = (tae.config["latent_channels"], world.FRAMES // tae.factor, world.SIZE // tae.factor, world.SIZE // tae.factor)
        return torch.stack([philox.normal(shape, 1000 * seed + e["seed"]) for e in self.entries]).to(self.device)


@torch.no_grad()
def solve(job: Job, name: str, u: flow.Velocity, noise: Tensor, times: list[float]) -> Tensor:
    """`flow.solve` by Euler, a few steps at a time, resumed from and kept in `job.folder`."""
    path = job.folder / f"{name}.pt"
    done, x = torch.load(path, map_location=noise.device) if path.exists() else (0, noise)
    while done < len(times) - 1:
        job.check_time()
        following = min(done + SAVE_STEPS, len(times) - 1)
        x = flow.solve(u, x, times[done : following + 1])
        done = following
        save((done, x), path)
    return x


def distance(x: Tensor, y: Tensor) -> float:
    """||x - y|| / ||y|| of a sample, the mean over samples."""
    return float(((x - y).flatten(1).norm(dim=1) / y.flatten(1).norm(dim=1)).mean())


def video_psnr(x: np.ndarray, y: np.ndarray) -> float:
    """In dB, of u8 videos `[B, T, H, W, 3]`; the mean over videos, each at most 60 dB."""
    squares = ((x.astype(np.float64) - y.astype(np.float64)) ** 2).reshape(len(x), -1).mean(axis=1)
    return float(np.minimum(10 * np.log10(255**2 / np.maximum(squares, 1e-12)), 60.0).mean())


def steps_job(job: Job) -> dict:
    """Of one noise seed: all schedules and counts of steps."""
    pipeline, index = pipeline_of(job.checkpoint, job.device)
    guidance = index["sampler"]["guidance_scale"]
    sampler = Sampler(pipeline, validation_entries(job.config["prompts"]), job.device)
    u, noise = sampler.velocity(guidance), sampler.noise(job.seed)
    reference = solve(job, "reference", u, noise, flow.linear_schedule(job.config["reference"]))
    latents = {}
    for schedule, times in SCHEDULES.items():
        for S in job.config["steps"]:
            latents[f"{schedule} {S}"] = solve(job, f"{schedule}-{S}", u, noise, times(S))
    figures = {name: {"distance": distance(x, reference)} for name, x in latents.items()}
    if job.config["decode"]:
        whole = pipeline.decode(reference).cpu().numpy()
        for name, x in latents.items():
            job.check_time()
            figures[name]["psnr"] = video_psnr(pipeline.decode(x).cpu().numpy(), whole)
    return {"samples": len(noise), "guidance": guidance, "figures": figures}


def guidance_job(job: Job) -> dict:
    """Of one noise seed and one guidance scale, which is the variant."""
    pipeline, index = pipeline_of(job.checkpoint, job.device)
    sampler = Sampler(pipeline, validation_entries(job.config["prompts"]), job.device)
    times = SCHEDULES["linear-quadratic"](job.config["steps"])
    z = solve(job, "sample", sampler.velocity(float(job.variant)), sampler.noise(job.seed), times)
    job.check_time()
    videos = pipeline.decode(z).cpu().numpy()
    return {"samples": len(z), "steps": job.config["steps"], "figures": judged(videos, sampler.entries, job.cores),
            "latent_std": float(z.std())}
