"""Tables and plots of what the jobs found: for each ablation NAME.json (every seed's figures), NAME.md and NAME.svg.

A figure in a table is the mean over the seeds, with the least and the greatest in brackets.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ablations.common import save_json
from moviegen_reference.plot import Panel, Series, page

Results = dict[str, list[dict]]                                            # by variant, a result a seed
Column = tuple[str, Callable[[dict], float], str]                          # header, a result's figure, format


@dataclass(frozen=True)
class Table:
    """`labels`: the variants' names for readers, in the table's order."""

    group: str
    title: str
    labels: dict[str, str]
    rows: Callable[[Results], list[tuple[str, list[dict]]]]
    columns: list[Column]
    panels: Callable[[Results], list[Panel]]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def spread(values: list[float], form: str) -> str:
    """The mean, and the ends where the seeds differ."""
    ends = "" if min(values) == max(values) else f" ({min(values):{form}} to {max(values):{form}})"
    return f"{mean(values):{form}}{ends}"


def dots(names: list[str], series: dict[str, list[list[float]]], title: str, y_label: str) -> Panel:
    """The mean and spread of each variant (words along x) for each quantity."""
    drawn = []
    for k, (name, each) in enumerate(series.items()):
        side = (k - (len(series) - 1) / 2) * 0.16
        drawn.append(Series(name, [(i + side, mean(v)) for i, v in enumerate(each)], [(min(v), max(v)) for v in each], joined=False))
    return Panel(title, "", y_label, drawn, names=tuple(names))


def lines(each: dict[str, list[list[tuple[float, float]]]], **panel) -> Panel:
    """A line a variant: the mean over seeds of points with the same x, and their spread."""
    drawn = []
    for name, runs in each.items():
        ys = list(zip(*[[y for _, y in run] for run in runs]))
        points = [(x, mean(list(y))) for (x, _), y in zip(runs[0], ys)]
        drawn.append(Series(name, points, [(min(y), max(y)) for y in ys] if len(runs) > 1 else []))
    return Panel(series=drawn, **panel)


def loss_curves(results: Results, labels: dict[str, str]) -> Panel:
    """The training loss over operations, from the tenth part of the run on."""
    def run(r: dict) -> list[tuple[float, float]]:
        return [(r["operations"] * u / r["updates"] / 1e15, loss) for u, loss in r["curve"] if u > r["updates"] / 10]
    return lines({labels[v]: [run(r) for r in rs] for v, rs in results.items()},
                 title="training loss", x_label="PFLOP", y_label="loss", log_y=True)


def judged_dots(results: Results, labels: dict[str, str]) -> Panel:
    first = lambda r: next(iter(r["steps"].values()))
    return dots([labels[v] for v in results],
                {f"right, {kind}": [[100 * first(r)[key] for r in rs] for rs in results.values()]
                 for kind, key in (("trained", "trained"), ("held out", "held_out"))}, "the judge says right", "% of prompts")


def plain_rows(labels: dict[str, str]):
    return lambda results: [(labels[v], rs) for v, rs in results.items()]


def rows_by_steps(labels: dict[str, str]):
    """A row a variant and a number of sampling steps that all variants have, whose figures stand beside the variant's own."""
    def rows(results: Results) -> list[tuple[str, list[dict]]]:
        shared = [s for s in results["base"][0]["steps"] if all(s in rs[0]["steps"] for rs in results.values())]
        return [(f"{labels[v]}, {s} steps", [r | r["steps"][s] for r in rs]) for v, rs in results.items() for s in shared]
    return rows


JUDGED: list[Column] = [
    ("right, trained", lambda r: r["trained"], ".1%"), ("right, held out", lambda r: r["held_out"], ".1%"),
    ("colour", lambda r: r["colour"], ".1%"), ("shape", lambda r: r["shape"], ".1%"), ("motion", lambda r: r["motion"], ".1%"),
]
COST: list[Column] = [
    ("parameters", lambda r: r["parameters"], ",.0f"), ("updates", lambda r: r["updates"], ",.0f"),
    ("PFLOP", lambda r: r["operations"] / 1e15, ",.4g"),
]
DIT: list[Column] = [
    *JUDGED, ("Frechet distance", lambda r: r["frechet"], ".3f"),
    ("denoising error", lambda r: mean(r["errors"]), ".4f"), *COST,
]
TAE: list[Column] = [
    ("PSNR, clips", lambda r: r["psnr"], ".2f"), ("SSIM, clips", lambda r: r["ssim"], ".4f"),
    ("PSNR, textures", lambda r: r["psnr_textures"], ".2f"), ("Frechet distance", lambda r: r["frechet"], ".3f"),
    ("OPL", lambda r: r["opl"], ".4f"), ("furthest position", lambda r: r["reach"], ".2f"), *COST,
]


def dit_table(title: str, labels: dict[str, str], second=None) -> Table:
    return Table("dit", title, labels, rows_by_steps(labels), DIT,
                 lambda results: [judged_dots(results, labels), (second or loss_curves)(results, labels)])


def error_lines(results: Results, labels: dict[str, str]) -> Panel:
    return lines({labels[v]: [list(zip(r["log_snrs"], r["errors"])) for r in rs] for v, rs in results.items()},
                 title="error of the data's estimate", x_label="log of the signal-to-noise ratio", y_label="mean square error", log_y=True)


def tae_table(title: str, labels: dict[str, str], third: tuple[str, str, str] | None = None) -> Table:
    def panels(results: Results) -> list[Panel]:
        names = [labels[v] for v in results]
        shown = [dots(names, {"clips": [[r["psnr"] for r in rs] for rs in results.values()],
                              "textures": [[r["psnr_textures"] for r in rs] for rs in results.values()]}, "PSNR of unseen videos", "dB")]
        if third:
            key, heading, unit = third
            shown.append(dots(names, {"clips": [[r[key] for r in rs] for rs in results.values()]}, heading, unit))
        else:
            shown.append(loss_curves(results, labels))
        return shown
    return Table("tae", title, labels, plain_rows(labels), TAE, panels)


# The two of sampling alone.


def step_rows(results: Results) -> list[tuple[str, list[dict]]]:
    runs = results["noise"]
    return [(f"{name} steps", [r["figures"][name] | {"samples": r["samples"]} for r in runs]) for name in runs[0]["figures"]]


def step_panels(results: Results) -> list[Panel]:
    runs = results["noise"]
    names = list(dict.fromkeys(name.rsplit(" ", 1)[0] for name in runs[0]["figures"]))

    def each(key: str) -> dict:
        return {n: [[(float(f.rsplit(" ", 1)[1]), v[key]) for f, v in r["figures"].items() if f.rsplit(" ", 1)[0] == n] for r in runs] for n in names}

    shown = [lines(each("distance"), title="distance of the latents", x_label="steps", y_label="||x - y|| / ||y||", log_x=True, log_y=True)]
    if all("psnr" in v for r in runs for v in r["figures"].values()):
        shown.append(lines(each("psnr"), title="PSNR of the videos", x_label="steps", y_label="dB", log_x=True))
    return shown


def guidance_panels(results: Results) -> list[Panel]:
    scales = sorted(results, key=float)
    count = min(len(results[g]) for g in scales)

    def line(key: str, factor: float, inner: bool) -> list:
        return [[(float(g), factor * (results[g][k]["figures"] if inner else results[g][k])[key]) for g in scales] for k in range(count)]

    right = {f"right, {name}": line(key, 100, True) for name, key in (("trained", "trained"), ("held out", "held_out"))}
    parts = {key: line(key, 100, True) for key in ("colour", "shape", "motion")}
    axes = {"x_label": "guidance scale", "y_label": "% of prompts"}
    return [lines(right, title="the judge says right", **axes), lines(parts, title="the parts", **axes),
            lines({"latents": line("latent_std", 1, False)}, title="standard deviation of the latents", x_label="guidance scale", y_label="")]


OBJECTIVES = {"base": "flow matching", "v": "diffusion, v", "epsilon": "diffusion, epsilon"}
TABLES = {
    "objective": dit_table("Flow matching against diffusion", OBJECTIVES, error_lines),
    "positions": dit_table("Positions before every layer against the first only", {"base": "every layer", "first-positions": "first layer"}),
    "blocks": dit_table("RMSNorm and SwiGLU against LayerNorm and GELU", {"base": "RMSNorm, SwiGLU", "layernorm-gelu": "LayerNorm, GELU"}),
    "tae": tae_table("2.5D against 3D autoencoder", {"2.5d": "2.5D", "3d": "3D"}),
    "opl": tae_table("With and without the outlier penalty",
                     {"2.5d-without": "2.5D, without", "2.5d": "2.5D, with", "2.5d-strong": "2.5D, 100 x", "3d-without": "3D, without", "3d": "3D, with"},
                     ("reach", "furthest position of a latent", "root mean square distances")),
    "steps": Table("steps", "Linear-quadratic against linear steps", {"noise": "noise"}, step_rows,
                   [("distance to the sample of 1,000 linear steps", lambda r: r["distance"], ".4f"), ("PSNR to its video, dB", lambda r: r.get("psnr", float("nan")), ".2f"),
                    ("samples a seed", lambda r: r["samples"], ".0f")], step_panels),
    "guidance": Table("guidance", "Guidance", {},
                      lambda results: [(f"{g}", [r["figures"] | {k: r[k] for k in ("samples", "latent_std")} for r in results[g]]) for g in sorted(results, key=float)],
                      [*JUDGED, ("background", lambda r: r["background"], ".1%"), ("std of the latents", lambda r: r["latent_std"], ".3f"), ("samples a seed", lambda r: r["samples"], ".0f")], guidance_panels),
}


def variants_of(name: str, config: dict) -> list[str]:
    return [str(g) for g in config["guidance"]["scales"]] if name == "guidance" else list(TABLES[name].labels)


def found(work: Path, name: str, config: dict) -> Results:
    """What there is of each variant, of the seeds that all of its variants have, so that rows compare like with like."""
    folder, variants = work / TABLES[name].group, variants_of(name, config)
    seeds = [s for s in config["seeds"] if all((folder / f"{v}-s{s}" / "result.json").exists() for v in variants)]
    return {v: [json.loads((folder / f"{v}-s{s}" / "result.json").read_text()) for s in seeds] for v in variants} if seeds else {}


def markdown(table: Table, results: Results, source: str) -> str:
    out = [f"| {table.title.lower()} | " + " | ".join(header for header, _, _ in table.columns) + " |", "|---" * (len(table.columns) + 1) + "|"]
    for name, rs in table.rows(results):
        out.append(f"| {name} | " + " | ".join(spread([figure(r) for r in rs], form) for _, figure, form in table.columns) + " |")
    return "\n".join([*out, "", source, ""])


def write(work: Path, out: Path, config: dict, names: list[str], facts: dict):
    """The files of each ablation of which at least one seed is done."""
    for name in names:
        table, results = TABLES[name], found(work, name, config)
        if not results:
            continue
        seeds = [r["seed"] for r in next(iter(results.values()))]
        which = f"Seeds {', '.join(map(str, seeds))}: the mean (least to greatest)." if len(seeds) > 1 else f"One seed ({seeds[0]})."
        source = (f"{which} Checkpoint `models/{facts['checkpoint']}` (SHA-256 of the "
                  f"transformer `{facts['sha256_of_transformer']}`); {facts['device']}, PyTorch {facts['torch']}.")
        save_json({"facts": facts | {"seeds": seeds}, "config": config[table.group], "results": results}, out / f"{name}.json")
        (out / f"{name}.md").write_text(markdown(table, results, source))
        (out / f"{name}.svg").write_text(page(table.panels(results)))
