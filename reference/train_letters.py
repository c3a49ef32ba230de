"""Trains a checkpoint of shapes world on words, beside its shapes; the quoted part of a prompt reaches ByT5 alone, which is trained.

    python3 train_tae.py video --init ../models/shapes-world/tae --letters 0.5 --out TAE --minutes 90
    python3 cache_world.py letters shapes --checkpoint ../models/shapes-world --tae TAE/last.pt --out OUT --shards 64
    python3 train_letters.py transformer --checkpoint ../models/shapes-world --tae TAE/last.pt --out OUT --minutes 120
    python3 train_letters.py evaluate    --checkpoint ../models/shapes-world --tae TAE/last.pt --out OUT

The autoencoder of `models/shapes-world` never saw a stroke: of words of two letters and more it leaves nothing to read. `evaluate`
judges the fixed set; `export` writes the checkpoint to OUT/checkpoint.
"""

import json
import random
from pathlib import Path

import torch
from torch import nn

from evaluate_jobs import figures
from export import export, index_of
from moviegen_reference import letters, world
from moviegen_reference.flow import path, path_velocity
from moviegen_reference.judge_letters import judge_letters
from moviegen_reference.pipeline import Pipeline, load_pipeline
from moviegen_reference.plain_attention import use_plain_attention
from moviegen_reference.training import Run, arguments, autocast
from train_dit import is_matrix
from train_jobs import Shards

WORDS, NULL = 0.85, 0.1                            # shares of a batch: words, the others are shapes; without a prompt
STEPS = 50
EXAMPLES = ['the blue word "A" moves right on a black background', 'the red word "K" shrinks on a white background']


class Model(nn.Module):
    """The transformer and the text encoders as one module, so that they share optimizers, average and checkpoint."""

    def __init__(self, pipeline: Pipeline):
        super().__init__()
        self.text, self.dit = pipeline.text.train(), pipeline.dit.train()
        for name in ("ul2", "metaclip"):          # they know the words around the quotes: the checkpoint to begin with shares them
            getattr(self.text, name).requires_grad_(False)

    def forward(self, x, t, prompts):
        states, masks = self.text(prompts)
        return self.dit(x, t, {n: s.to(x.dtype) for n, s in states.items()}, masks)


def opened(args) -> Pipeline:
    """The checkpoint to begin with, its autoencoder replaced where --tae is given."""
    pipeline, _ = load_pipeline(args.checkpoint)
    if not pipeline.text.strip_quoted:            # else it was trained on words before
        small_words(pipeline)
    pipeline.text.strip_quoted = True
    if args.tae:
        pipeline.tae.load_state_dict(torch.load(args.tae, weights_only=False)["average"])
    return pipeline


def transformer(pipeline: Pipeline, args):
    use_plain_attention()
    words, shapes = Shards(args.out, "letters"), Shards(args.out, "shapes")

    def of(shards: Shards, rng: random.Random) -> tuple[torch.Tensor, dict]:
        i = rng.randrange(len(shards.records))
        return shards.tensors["latents"][i].float(), shards.records[i]

    run, done = Run(Model(pipeline), pipeline.dit.config, args, is_matrix), False

    def drawn(rng: random.Random) -> tuple[torch.Tensor, str | None]:
        if rng.random() < WORDS:
            z, record = of(words, rng)
            word = {name: value for name, value in record.items() if name != "size"}
            prompt = letters.caption(letters.Word(**word), rng, record.get("size", ""))
        else:
            z, record = of(shapes, rng)
            prompt = world.caption(world.Facts(**record), rng)
        return z, None if rng.random() < NULL else prompt

    while not done:
        latents, prompts = zip(*(drawn(run.rng) for _ in range(args.batch)))
        x1 = torch.stack(latents)
        x0, t = torch.randn_like(x1), torch.sigmoid(torch.randn(len(x1)))
        with autocast():
            u = run.model(path(x1, x0, t), t, list(prompts))
        done = run.update((u.float() - path_velocity(x1, x0)).square().mean(), lambda: {"words": len(words.records)})


@torch.no_grad()
def small_words(pipeline: Pipeline):
    """Lets ByT5's tokens begin near zero. The transformer has never seen any: at full size they are noise, which it unlearns to read
    within 200 updates, for good."""
    norm = pipeline.dit.text_proj["byt5"].norm
    norm.weight.fill_(0.05)
    norm.bias.zero_()


def trained(pipeline: Pipeline, out: Path) -> Pipeline:
    Model(pipeline).load_state_dict(torch.load(out / "transformer.pt", weights_only=False)["average"])
    for module in (pipeline.text, pipeline.dit, pipeline.tae):
        module.eval()
    return pipeline


def evaluate(pipeline: Pipeline, args):
    results, samples = [], letters.evaluation_set()[:: args.every]
    for i in range(0, len(samples), 8):
        some = samples[i : i + 8]
        z = pipeline.latents([s.prompt for s in some], [s.seed for s in some], STEPS, args.guidance)
        results += [judge_letters(video.numpy(), s) for video, s in zip(pipeline.decode(z), some)]
    print("all", figures(results), flush=True)
    for length in (1, 2, 3):
        print(length, figures([r for r, s in zip(results, samples) if len(s.word.text) == length]), flush=True)
    (args.out / "figures.json").write_text(json.dumps({"figures": figures(results), "results": results}, indent=1) + "\n")


def main():
    parser = arguments(__doc__, ["transformer", "evaluate", "export"], lr=3e-3, batch=48)
    parser.add_argument("--tae", type=Path, help="a last.pt of train_tae.py; without it the checkpoint's own")
    parser.add_argument("--guidance", type=float, default=4.0, help="of evaluate and export")
    parser.add_argument("--every", type=int, default=1, help="of evaluate: take every n-th sample")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    pipeline = opened(args)
    if args.stage == "transformer":
        transformer(pipeline, args)
    elif args.stage == "evaluate":
        evaluate(trained(pipeline, args.out), args)
    else:
        index = index_of(args.guidance, EXAMPLES, strip_quoted=True)
        pipeline = trained(pipeline, args.out)
        export(args.out / "checkpoint", pipeline.tae.state_dict(), dict(pipeline.tae.config), pipeline.dit, pipeline.text, index)


if __name__ == "__main__":
    main()
