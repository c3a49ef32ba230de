"""Jobs that train a small DiT with its text encoders from nothing: the objective, the positions, the norms and the FFN.

Clips are shapes world's, trained triples only, through the checkpoint's TAE; tokenizers and the encoders' shapes are the
checkpoint's, their weights new. `prepare` encodes the clips once for all jobs.

Legend: B clips, z latents `[B, 16, 2, 8, 8]` in the model's space.
"""

import random

import numpy as np
import torch
from torch import Tensor, nn

from ablations.clips import CAPTIONS, DRAWN_AT_ONCE, Bucket, draw_batch_of, draw_clips, pad, to_video
from ablations.common import Job, pipeline_of
from ablations.dit_variants import VARIANTS, parameters
from ablations.measures import frechet, judged, latent_features
from ablations.objectives import OBJECTIVES
from ablations.sampling import validation_entries
from ablations.trainer import curve, equal_updates, operations, train
from moviegen_reference import flow, philox, world
from moviegen_reference.files import save
from moviegen_reference.text import TextEncoders

JOBS = {  # variant: objective, backbone
    "base": ("flow", "base"), "epsilon": ("epsilon", "base"), "v": ("v", "base"),
    "first-positions": ("flow", "first-positions"), "layernorm-gelu": ("flow", "layernorm-gelu"),
}
NULL_SHARE = 0.1
LOG_SNRS = tuple(range(-5, 6))


@torch.no_grad()
def bucket_of(facts: list[world.Facts], rng: random.Random, wording, pipeline, device) -> Bucket:
    """Drawn and encoded clips with CAPTIONS wordings each; the latents are in the model's space."""
    latents, ids = [], {"ul2": [], "metaclip": [], "byt5": []}
    for first in range(0, len(facts), DRAWN_AT_ONCE):
        some = facts[first : first + DRAWN_AT_ONCE]
        video = to_video(draw_clips(some, rng)[0].to(device))
        z = pipeline.tae.encode(video)[0]
        latents.append(pipeline.tae.to_model_space(z).half())
        for name, rows in pipeline.text.tokenize([wording(f, rng) for f in some for _ in range(CAPTIONS)]).items():
            ids[name] += rows
    padded = {name: [a.unflatten(0, (-1, CAPTIONS)).to(device) for a in pad(rows, max(map(len, rows)))] for name, rows in ids.items()}
    tokens, masks = ({name: pair[k] for name, pair in padded.items()} for k in (0, 1))
    return Bucket(torch.cat(latents), tokens, masks)


def prepare(job: Job) -> dict:
    pipeline, _ = pipeline_of(job.checkpoint, job.device)
    n = job.config["clips"]
    lots = {"trained": (n, False, world.caption), "unseen": (job.config["unseen"], True, lambda f, _: f.caption)}
    buckets = {}
    for name, (count, held_out, wording) in lots.items():
        rng = random.Random(f"ablations {name}")
        buckets[name] = vars(bucket_of([world.random_facts(rng, held_out) for _ in range(count)], rng, wording, pipeline, job.device))
    save(buckets, job.work / "data" / "dit.pt")
    return {"clips": n, "unseen": job.config["unseen"]}


def new_encoders(text: TextEncoders) -> TextEncoders:
    """The same kinds, shapes and tokenizers; new weights. Nothing is quoted in shapes world, so ByT5 learns nothing."""
    ul2, metaclip, byt5 = (type(m)(m.config) for m in (text.ul2, text.metaclip, text.byt5))
    other = TextEncoders(ul2, metaclip, byt5, text.ul2_tokenizer, text.clip_tokenizer, text.strip_quoted)
    other.byt5.requires_grad_(False)
    return other


class Model(nn.Module):
    def __init__(self, text: TextEncoders, backbone: str, config: dict):
        super().__init__()
        self.text = new_encoders(text)
        self.dit = VARIANTS[backbone](config | {"text_dims": self.text.dims})

    def forward(self, x: Tensor, t: Tensor, tokens: dict, masks: dict) -> Tensor:
        states, masks = self.text.encode(tokens, masks)
        return self.dit(x, t, {n: s.to(x.dtype) for n, s in states.items()}, masks)


def is_matrix(name: str) -> bool:
    if name.startswith(("dit.layers.", "dit.text_proj.")):
        return name.endswith(".weight")
    return name.startswith("text.") and not any(w in name for w in ("embed", "shared", "relative"))


def loss_of(model: Model, objective, bucket: Bucket, count: int, null: dict, device: torch.device) -> Tensor:
    chosen = torch.randint(len(bucket.latents), (count,), device=device)
    dropped = torch.rand(count, device=device) < NULL_SHARE
    x1, tokens, masks = draw_batch_of(bucket, chosen, null, dropped)
    x0 = torch.randn_like(x1)
    t = objective.times(count, device)
    x, target = objective.corrupt(x1, x0, t)
    with torch.autocast(device.type, torch.bfloat16):
        predicted = model(x, t, tokens, masks)
    return (predicted.float() - target).square().mean()


@torch.no_grad()
def denoising_errors(model: Model, objective, bucket: Bucket, device: torch.device) -> list[float]:
    """Mean square error of the data's estimate at equal signal-to-noise ratios, of unseen clips with held-out captions."""
    generator, errors = torch.Generator().manual_seed(1), []
    x1 = bucket.latents.float()
    x0 = torch.randn(x1.shape, generator=generator).to(device)
    tokens = {n: a[:, 0].long() for n, a in bucket.tokens.items() if a.shape[2] > 0}
    masks = {n: bucket.masks[n][:, 0] for n in tokens}
    for log_snr in LOG_SNRS:
        t = torch.full((len(x1),), objective.time_at(log_snr), device=device)
        x, _ = objective.corrupt(x1, x0, t)
        errors.append(float((objective.data_of(model(x, t, tokens, masks), x, t) - x1).square().mean()))
    return errors


@torch.no_grad()
def sampled(model: Model, objective, entries: list[dict], seed: int, steps: int, guidance: float, device: torch.device) -> Tensor:
    text, null = (model.text([e["prompt"] for e in entries]), model.text([None] * len(entries)))
    C, T, H, W = model.dit.config["in_channels"], 2, 8, 8
    noise = torch.stack([philox.normal((C, T, H, W), 1000 * seed + e["seed"]) for e in entries]).to(device)
    u = flow.guided(flow.velocity_of(model.dit, *text), flow.velocity_of(model.dit, *null), guidance)
    return objective.sample(u, noise, steps)


def run(job: Job) -> dict:
    objective_name, backbone = JOBS[job.variant]
    pipeline, _ = pipeline_of(job.checkpoint, job.device)
    objective, device, config = OBJECTIVES[objective_name](), job.device, job.config
    buckets = torch.load(job.work / "data" / "dit.pt", map_location=device)
    trained, unseen = (Bucket(**buckets[name]) for name in ("trained", "unseen"))
    null = {name: rows[0] for name, rows in pipeline.text.tokenize([None]).items()}

    def model_of(kind: str) -> Model:
        torch.manual_seed(job.seed)
        return Model(pipeline.text, kind, config["dit"]).to(device)

    def counted(kind: str) -> int:
        model = model_of(kind)
        torch.manual_seed(0)
        return operations(lambda: loss_of(model, objective, trained, 8, null, device), model) // 8 * config["batch"]

    model, own = model_of(backbone), counted(backbone)
    updates = equal_updates(config["updates"], counted("base"), own)

    def step(rng: random.Random, update: int):
        return loss_of(model, objective, trained, config["batch"], null, device), {}

    weights, seconds = train(job, model, is_matrix, config["recipe"], updates, step)
    model.load_state_dict(weights)
    model.eval()
    entries, true = validation_entries(config["prompts"]), latent_features(unseen.latents.float())
    result = {"parameters": parameters(model.dit), "operations": own * updates, "updates": updates, "seconds": seconds,
              "curve": curve(job), "log_snrs": LOG_SNRS, "errors": denoising_errors(model, objective, unseen, device), "steps": {}}
    for steps in config["steps"] if backbone == "base" else config["steps"][:1]:
        z = sampled(model, objective, entries, job.seed, steps, config["guidance"], device)
        with torch.no_grad():
            videos = np.concatenate([pipeline.decode(part).cpu().numpy() for part in z.split(16)])
        result["steps"][str(steps)] = judged(videos, entries, job.cores) | {"frechet": frechet(latent_features(z), true)}
    return result
