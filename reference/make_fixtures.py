"""Writes packages/moviegen/fixtures: small seeded models, their inputs, every intermediate tensor and their results.

    cd reference && pip install -r requirements.txt
    python make_fixtures.py              # all of them
    python make_fixtures.py dit philox   # some of them

Running it again gives the same bytes (on the same machine and the same releases; elsewhere the last bits may differ).
The fixtures of T5, CLIP and the tokenizers come from `transformers` and `tokenizers`, those of the image autoencoder from
`diffusers`, those of GGUF files (packages/gguf/fixtures) from `gguf`: a second opinion that nobody here wrote. Where
`diffusers` is not installed its fixtures are left alone.
`python -m unittest discover tests` checks the reference itself.
"""

import importlib
import sys

import torch

NAMES = [
    "dit", "conditioned", "philox", "text", "vision", "flow", "tae", "lora", "average", "tokenizer", "autoencoder_kl", "pipeline",
    "jobs", "reference", "quantized", "gguf_files", "wan_lora",
]


def main(names: list[str]):
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        sys.exit(f"make_fixtures: unknown fixture {', '.join(unknown)}; there are {', '.join(NAMES)}")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name in names or NAMES:
        try:
            module = importlib.import_module(f"fixtures.{name}")
        except ModuleNotFoundError as error:
            sys.exit(f"make_fixtures: {name} needs {error.name}; pip install -r requirements.txt")
        module.make()


if __name__ == "__main__":
    main(sys.argv[1:])
