"""Files that are there whole or not at all."""

import os
from pathlib import Path

import torch


def whole(path: Path, write):
    """`write(temporary)` writes; the file then takes its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    write(temporary)
    os.replace(temporary, path)


def save(state, path: Path):
    whole(path, lambda temporary: torch.save(state, temporary))
