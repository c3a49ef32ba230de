"""What the ablations' jobs share: a job's context, stopping, and files that are whole or absent.

A job is one variant with one seed. It is a function of a `Job` that returns its figures; it raises `Stopped` where the run's
minutes are over, having saved what it needs to go on in `job.folder`.
"""

import json
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import torch

from moviegen_reference.files import whole


class Stopped(Exception):
    """The run's minutes are over."""


@dataclass(frozen=True)
class Job:
    ablation: str
    variant: str
    seed: int
    config: dict = field(hash=False)                                       # of the ablation: `ablations.json`
    work: Path
    checkpoint: Path                                                       # a folder as models/shapes-world
    device: torch.device
    until: float                                                           # time.time() at which to stop
    cores: int = 1                                                         # for the judge

    @property
    def name(self) -> str:
        return f"{self.ablation}/{self.variant}-s{self.seed}"

    @property
    def folder(self) -> Path:
        return self.work / self.name

    def check_time(self):
        if time.time() > self.until:
            raise Stopped


def save_json(value, path: Path):
    whole(path, lambda temporary: temporary.write_text(json.dumps(value, indent=1) + "\n"))


@lru_cache(maxsize=1)
def pipeline_of(checkpoint: Path, device: torch.device) -> tuple:
    """The checkpoint's models and its `model_index.json`."""
    from moviegen_reference.pipeline import load_pipeline  # takes seconds, and not every module here needs it

    pipeline, index = load_pipeline(checkpoint)
    return pipeline.to(device), index
