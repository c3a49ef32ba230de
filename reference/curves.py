"""The training curves of one or more logs as an SVG: a panel a quantity, a line a log.

    python3 curves.py ../../training/*/log.jsonl --out curves.svg [--x minutes] [--of loss unseen.psnr]
A log is a `log.jsonl` of `train_tae.py`, `train_dit.py` or of the ablations: one object a line. Numbers in
objects are named with a point, as `unseen.psnr`. Without --of: what the logs have of USUAL.
"""

import argparse
import json
import sys
from pathlib import Path

from moviegen_reference.plot import Panel, Series, page

USUAL = ("loss", "train.mse", "train.psnr", "unseen.psnr", "psnr", "psnr_textures")
LOGARITHMIC = ("loss", "mse", "l1")


def flat(line: dict, before: str = "") -> dict[str, float]:
    """Numbers by their names, those of an object within the line as `object.name`."""
    out = {}
    for name, value in line.items():
        if isinstance(value, dict):
            out |= flat(value, f"{before}{name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            out[before + name] = float(value)
    return out


def name_of(path: Path) -> str:
    """The stage: the folder of a `log.jsonl`, else the file's own name."""
    return path.resolve().parent.name if path.stem == "log" else path.stem


def panels_of(logs: dict[str, list[dict[str, float]]], x: str, of: list[str] | None) -> list[Panel]:
    """A log without any point of a quantity is left out of its panel."""
    panels = []
    for quantity in of or USUAL:
        series = [Series(name, [(line[x], line[quantity]) for line in lines if x in line and quantity in line]) for name, lines in logs.items()]
        series = [s for s in series if s.points]
        if not series:
            if of:
                raise ValueError(f"curves: no log has both {x} and {quantity}; there is: {', '.join(sorted({n for ls in logs.values() for li in ls for n in li}))}")
            continue
        positive = all(y > 0 for s in series for _, y in s.points)
        panels.append(Panel(quantity, x, quantity, series, log_y=positive and quantity.split(".")[-1] in LOGARITHMIC))
    return panels


def main(given: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--x", default="minutes")
    parser.add_argument("--of", nargs="*")
    args = parser.parse_args(given)
    logs: dict[str, list[dict[str, float]]] = {}
    for path in args.logs:
        name = name_of(path) if name_of(path) not in logs else str(path)
        logs[name] = [flat(json.loads(line)) for line in path.read_text().splitlines() if line.strip()]
    panels = panels_of(logs, args.x, args.of)
    if not panels:
        sys.exit(f"curves: nothing to plot over {args.x} in {', '.join(map(str, args.logs))}")
    args.out.write_text(page(panels))


if __name__ == "__main__":
    main()
