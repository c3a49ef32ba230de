"""Trains a checkpoint of shapes world on reference pictures: patterns that words cannot say, pictured elsewhere (spec section 9).

    python3 train_reference.py cache       --checkpoint ../models/shapes-world-jobs --out OUT --shards 64
    python3 train_reference.py transformer --checkpoint ../models/shapes-world-jobs --out OUT --minutes 120
    python3 train_reference.py evaluate    --checkpoint ../models/shapes-world-jobs --out OUT
    python3 train_reference.py export      --checkpoint ../models/shapes-world-jobs --out OUT

Each picture is another clip's by construction: another place, size and background. The image tower is small and new, and trained with
the rest; without a picture the checkpoint begins as it was. `evaluate` judges the fixed set; `export` writes OUT/checkpoint.
"""

import json
import random
from pathlib import Path

import torch
from torch import nn

from cache_world import Shards, cache
from evaluate_jobs import figures
from export import export, index_of
from moviegen_reference import patterns, vision, world
from moviegen_reference.conditioned import widened
from moviegen_reference.flow import path, path_velocity
from moviegen_reference.judge_patterns import judge_patterns
from moviegen_reference.pipeline import Pipeline, load_pipeline
from moviegen_reference.plain_attention import use_plain_attention
from moviegen_reference.training import Run, arguments
from train_dit import is_matrix
from train_letters import encoder

TOWER = vision.default_config(
    hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256, patch_size=8, image_size=world.SIZE
)
PICTURED = 0.7                                    # share of a batch; the others are shapes, by words alone
DROPPED = {"text": 0.1, "picture": 0.05, "both": 0.1}
GUIDANCE, STEPS = 3.0, 50


class Model(nn.Module):
    """The transformer, the text encoders and the image tower as one module."""

    def __init__(self, pipeline: Pipeline):
        super().__init__()
        self.text, self.dit, self.vision = pipeline.text.train(), pipeline.dit.train(), pipeline.vision.train()
        self.text.byt5.requires_grad_(False)
        self.dit.text_proj["byt5"].requires_grad_(False)

    def forward(self, x, t, prompts, pictures):
        states, masks = self.text(prompts)
        states["vision"], masks["vision"] = self.vision.states(pictures)
        return self.dit(x, t, {n: s.to(x.dtype) for n, s in states.items()}, masks)


def opened(checkpoint: Path) -> Pipeline:
    """The checkpoint, widened by an image tower that changes nothing where there is no picture."""
    pipeline, _ = load_pipeline(checkpoint)
    torch.manual_seed(0)
    pipeline.vision = vision.Vision(TOWER)
    pipeline.dit = widened(pipeline.dit, vision=TOWER["hidden_size"])
    return pipeline


def prompt_of(looks: patterns.Looks, rng: random.Random) -> str:
    """The motion and the background in words, the standard form half of the time."""
    if rng.random() < 0.5:
        return looks.prompt
    motion = rng.choice([looks.motion] + [w for w in world.MOTION_WORDINGS[looks.motion] if not w.startswith("that")])
    background = rng.choice(world.BACKGROUND_WORDINGS).format(a=world.article(looks.background), b=looks.background)
    return world.restyle(f"{rng.choice(['it', 'the object'])} {motion} {background}", rng)


def transformer(pipeline: Pipeline, args):
    use_plain_attention()
    pictured, shapes = Shards(args.out, "reference"), Shards(args.out, "shapes")

    def is_muon(name: str) -> bool:
        return is_matrix(name) or (name.startswith("vision.") and "encoder.layers." in name)

    run, done = Run(Model(pipeline), pipeline.dit.config, args, is_muon), False

    def drawn(rng: random.Random):
        if rng.random() >= PICTURED:
            z, record = shapes.draw(rng)
            return z, None if rng.random() < DROPPED["text"] else world.caption(world.Facts(**record), rng), None
        z, record = pictured.draw(rng)
        looks = patterns.Looks(tuple(record["cells"]), record["motion"], record["background"])
        prompt, picture = prompt_of(looks, rng), patterns.picture(looks, patterns.random_place(rng, looks))
        dropped = rng.random()
        if dropped < DROPPED["both"]:
            return z, None, None
        if dropped < DROPPED["both"] + DROPPED["text"]:
            return z, None, picture
        return z, prompt, None if dropped < sum(DROPPED.values()) else picture

    while not done:
        latents, prompts, pictures = zip(*(drawn(run.rng) for _ in range(args.batch)))
        x1 = torch.stack(latents)
        x0, t = torch.randn_like(x1), torch.sigmoid(torch.randn(len(x1)))
        with torch.autocast("cpu", torch.bfloat16):
            u = run.model(path(x1, x0, t), t, list(prompts), list(pictures))
        done = run.update((u.float() - path_velocity(x1, x0)).square().mean(), lambda: {"clips": len(pictured.records)})


def trained(pipeline: Pipeline, out: Path) -> Pipeline:
    Model(pipeline).load_state_dict(torch.load(out / "transformer.pt", weights_only=False)["average"])
    for module in (pipeline.text, pipeline.dit, pipeline.vision, pipeline.tae):
        module.eval()
    return pipeline


def evaluate(pipeline: Pipeline, args):
    results, samples = [], patterns.evaluation_set()
    for sample in samples[:: args.every]:
        z = pipeline.latents([sample.prompt], [sample.seed], STEPS, GUIDANCE, references=[patterns.picture(sample.looks, sample.place)])
        results.append(judge_patterns(pipeline.decode(z)[0].numpy(), sample, samples))
    print(len(results), figures(results), flush=True)
    (args.out / "figures.json").write_text(json.dumps({"figures": figures(results), "results": results}, indent=1) + "\n")


def main():
    parser = arguments(__doc__, ["cache", "transformer", "evaluate", "export"], lr=4e-3, batch=64)
    parser.add_argument("--every", type=int, default=1, help="of evaluate: take every n-th sample")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    pipeline = opened(args.checkpoint)
    if args.stage == "cache":
        for kind in ("reference", "shapes"):
            cache(kind, encoder(pipeline), args)
    elif args.stage == "transformer":
        transformer(pipeline, args)
    elif args.stage == "evaluate":
        evaluate(trained(pipeline, args.out), args)
    else:
        pipeline, tae = trained(pipeline, args.out), pipeline.tae
        index = index_of(GUIDANCE, [])
        export(args.out / "checkpoint", tae.state_dict(), dict(tae.config), pipeline.dit, pipeline.text, index, pipeline.vision)


if __name__ == "__main__":
    main()
