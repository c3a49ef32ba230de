"""Samples the fixed evaluation sets of the jobs with a training state of `train_jobs.py`, and judges the videos.

    python3 evaluate_jobs.py --state OUT/last.pt --init ../models/shapes-world --job image extend edit reference --json figures.json
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from moviegen_reference import flow, giving, jobs, patterns, philox
from moviegen_reference.judge_jobs import JUDGES
from moviegen_reference.judge_patterns import judge_patterns
from moviegen_reference.pipeline import Pipeline, load_pipeline
from train_jobs import Model, load_trained
from train_tae import to_video

STEPS = 50


class Jobs:
    """The jobs with one model."""

    def __init__(self, model: Model, pipeline: Pipeline, guidance: float):
        self.model, self.pipeline, self.guidance = model.eval(), pipeline, guidance

    def encode(self, clips: list[np.ndarray]) -> torch.Tensor:
        return self.pipeline.tae.to_model_space(self.pipeline.tae.encode(to_video(clips))[0])

    @torch.no_grad()
    def sample(self, seeds: list[int], prompts: list[str], places: dict[int, torch.Tensor], T: int, tasks=None) -> torch.Tensor:
        """Latents `[B, 16, T, 8, 8]`; `places`: given latent frames `[B, 16, 8, 8]` by their index."""
        noise = torch.stack([philox.normal((16, T, 8, 8), seed) for seed in seeds]).float()
        mask, given = torch.zeros(len(noise), 1, T, 8, 8), torch.zeros_like(noise)
        for k, latent in places.items():
            mask[:, :, k], given[:, :, k] = 1.0, latent
        both = torch.cat([mask, given], dim=1)
        texts = [self.model.text(words) for words in ([None] * len(seeds), prompts)]

        def velocity(states, masks):
            return lambda x, t: self.model.dit(x, torch.full((len(x),), t), states, masks, given=both, tasks=tasks)

        guided = flow.guided(velocity(*texts[1]), velocity(*texts[0]), self.guidance)
        return flow.solve(guided, noise, flow.linear_quadratic_schedule(STEPS), "euler")

    def image(self, samples: list[jobs.Sample]) -> np.ndarray:
        first = self.encode([jobs.given_clip(s, "image") for s in samples])
        z = self.sample([s.seed for s in samples], [s.prompt for s in samples], {0: first[:, :, 0]}, 2)
        return self.pipeline.decode(z).numpy()

    def extend(self, samples: list[jobs.Sample]) -> np.ndarray:
        """Parts of 16 new frames, each given the two latents before it; the given frames stay as they are."""
        clips = [jobs.given_clip(s, "extend") for s in samples]
        parts = [self.encode(clips)]
        for _ in range(jobs.EXTENDED // 16 - 1):
            before = parts[-1]
            places = {0: before[:, :, 0], 1: before[:, :, 1]}
            z = self.sample([s.seed for s in samples], [s.prompt for s in samples], places, 4)
            parts.append(z[:, :, 2:])
        video = self.pipeline.decode(torch.cat(parts, dim=2), jobs.EXTENDED).numpy()
        return giving.without_seam(video, np.stack(clips))

    def reference(self, samples: list[patterns.Sample]) -> np.ndarray:
        pictures = [patterns.picture(s.looks, s.place) for s in samples]
        pipeline = Pipeline(self.model.text, self.model.dit, self.pipeline.tae, self.model.vision)
        z = pipeline.latents([s.prompt for s in samples], [s.seed for s in samples], STEPS, self.guidance, references=pictures)
        return self.pipeline.decode(z).numpy()

    def edit(self, samples: list[jobs.Sample]) -> np.ndarray:
        before = self.encode([jobs.given_clip(s, "edit") for s in samples])
        tasks = [jobs.TASKS.index(s.task) for s in samples]
        places = {0: before[:, :, 0], 1: before[:, :, 1]}
        z = self.sample([s.seed for s in samples], [s.prompt for s in samples], places, 2, tasks)
        return self.pipeline.decode(z).numpy()


def figures(results: list[dict]) -> dict:
    """Shares of what is true or false, means of what is a number."""
    keys = {k for r in results for k, v in r.items() if isinstance(v, (bool, float)) and v is not None}
    return {k: round(float(np.mean([r[k] for r in results if r.get(k) is not None])), 3) for k in sorted(keys)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--init", type=Path, required=True)
    parser.add_argument("--job", nargs="*", default=list(JUDGES), choices=[*JUDGES, "reference"])
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--every", type=int, default=1, help="take every n-th sample")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    run = Jobs(load_trained(args.state, args.init), load_pipeline(args.init)[0], args.guidance)
    report = {}
    for job in args.job:
        everything, started = patterns.evaluation_set() if job == "reference" else jobs.evaluation_set(job), time.time()
        samples = everything[:: args.every]
        with torch.no_grad():
            videos = getattr(run, job)(samples)
        judge = (lambda video, sample: judge_patterns(video, sample, everything)) if job == "reference" else JUDGES[job]
        results = [judge(video, sample) for video, sample in zip(videos, samples)]
        report[job] = {"figures": figures(results), "results": results}
        print(job, len(samples), f"{time.time() - started:.0f} s", report[job]["figures"], flush=True)
        if job == "edit":
            for task in jobs.TASKS:
                print("  ", task, figures([r for r, s in zip(results, samples) if s.task == task]), flush=True)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main()
