"""Runs the ablations and writes their tables and plots: one command, to be stopped and continued at any time.

    python3 ablations/run.py --work WORK [--minutes 9] [--only NAME ...] [--out ablations/results]
NAME: objective, positions, blocks, tae, opl, steps, guidance; all unless given. WORK holds what is drawn, each job's state
(`last.pt`, `log.jsonl`) and its `result.json`, which is its mark of being done. --report writes the tables of what is done and
runs nothing. --workers: jobs at once (a small model leaves a GPU idle half of the time). CUDA where there is.
"""

import argparse
import hashlib
import json
import math
import multiprocessing
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from ablations import dit_runs, report, sampling, tae_runs
from ablations.common import Job, Stopped, save_json
from moviegen_reference.plain_attention import use_plain_attention

HERE = Path(__file__).resolve().parent
MODELS = HERE.parents[1] / "models"
STOPPED = 3


def function_of(group: str, variant: str):
    if group == "steps":
        return sampling.steps_job
    if group == "guidance":
        return sampling.guidance_job
    runs = {"dit": dit_runs, "tae": tae_runs}[group]
    if variant == "prepare":
        return runs.prepare
    return tae_runs.image_job if variant == "image" else runs.run


Key = tuple[str, str, int]                                                 # group, variant, seed


def result_of(work: Path, key: Key) -> Path:
    return work / key[0] / f"{key[1]}-s{key[2]}" / "result.json"


def is_done(work: Path, key: Key) -> bool:
    """A job that others rest on is done while what they read is there."""
    group, variant, seed = key
    made = {"prepare": work / "data" / f"{group}.pt", "image": work / group / f"image-s{seed}" / "weights.pt"}
    return result_of(work, key).exists() and (variant not in made or made[variant].exists())


def phases(config: dict, tables: list[str], work: Path) -> list[list[Key]]:
    """The jobs that are to be done; each phase after the one before it."""
    wanted: dict[str, list[str]] = {"dit": [], "tae": [], "steps": [], "guidance": []}
    for table in tables:
        group, variants = report.TABLES[table].group, report.variants_of(table, config)
        wanted[group] += [v for v in variants if v not in wanted[group]]
    # The first seed of everything first: what there is after too short a run is whole tables of fewer seeds.
    last = [(g, v, s) for s in config["seeds"] for g, variants in wanted.items() for v in variants]
    last = [key for key in last if not is_done(work, key)]
    first = [(g, "prepare", 0) for g in ("dit", "tae") if any(key[0] == g for key in last)]
    second = [("tae", "image", s) for s in config["seeds"] if any(key[0] == "tae" and key[2] == s for key in last)]
    return [[key for key in keys if not is_done(work, key)] for keys in (first, second, last)]


def run_one(args, config: dict, key: Key):
    """Does one job; raises Stopped where the minutes are over first."""
    torch.set_num_threads(args.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = key[0] in ("dit", "tae")
    torch.backends.cudnn.benchmark = True
    if args.device.type == "cpu":
        use_plain_attention()
    group, variant, seed = key
    job = Job(group, variant, seed, config[group], args.work, args.checkpoint, args.device, args.until, args.cores)
    started = time.time()
    result = {"variant": variant, "seed": seed} | function_of(group, variant)(job)
    save_json(result, result_of(args.work, key))
    (job.folder / "last.pt").unlink(missing_ok=True)
    print(f"{job.name}: {time.time() - started:.1f} s", flush=True)


def child(args, config: dict, key: Key):
    try:
        run_one(args, config, key)
    except Stopped:
        sys.exit(STOPPED)


def run_phase(args, config: dict, pending: list[Key]) -> bool:
    """Whether all of them are done."""
    if args.workers <= 1:
        for key in pending:
            try:
                run_one(args, config, key)
            except Stopped:
                return False
        return True
    running, stopped, failed = {}, False, []
    while pending or running:
        while pending and len(running) < args.workers and not stopped and not failed and time.time() < args.until:
            key = pending.pop(0)
            process = multiprocessing.get_context("fork").Process(target=child, args=(args, config, key))
            process.start()
            running[process] = key
        if not running:
            break
        for process in [p for p in running if not p.is_alive()]:
            process.join()
            key = running.pop(process)
            stopped |= process.exitcode == STOPPED
            failed += [key] if process.exitcode not in (0, STOPPED) else []
        time.sleep(0.05)
    if failed:
        raise RuntimeError(f"ablations: these jobs failed, see above: {', '.join('/'.join(map(str, key)) for key in failed)}")
    return not pending and not stopped


def cuda_is_there() -> bool:
    """Asked in a process of its own: CUDA that was started, if only to ask, cannot be used after a fork."""
    process = multiprocessing.get_context("fork").Process(target=lambda: os._exit(0 if torch.cuda.is_available() else 1))
    process.start()
    process.join()
    return process.exitcode == 0


def facts_of(args) -> dict:
    """What a table should say of where it comes from."""
    weights = sorted((args.checkpoint / "transformer").glob("*.safetensors"))
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in weights)).hexdigest()[:12]
    device = torch.cuda.get_device_name() if args.device.type == "cuda" else "CPU"
    return {"checkpoint": args.checkpoint.name, "sha256_of_transformer": digest, "device": device, "torch": torch.__version__.split("+")[0]}


def arguments(given: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--only", nargs="*", choices=list(report.TABLES), default=list(report.TABLES))
    parser.add_argument("--config", type=Path, default=HERE / "ablations.json")
    parser.add_argument("--checkpoint", type=Path, default=MODELS / "shapes-world")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--workers", type=int, help="jobs at once; default: 3 on CUDA, 1 on a CPU")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", action="store_true")
    args = parser.parse_args(given)
    args.until = time.time() + 60 * args.minutes
    args.device = torch.device("cuda" if cuda_is_there() else "cpu")
    args.workers = args.workers or (3 if args.device.type == "cuda" else 1)
    args.cores = max(1, (os.cpu_count() or 1) // args.workers) if args.device.type == "cuda" else 1
    return args


def main(given: list[str] | None = None) -> bool:
    args = arguments(given)
    config, finished = json.loads(args.config.read_text()), True
    args.work.mkdir(parents=True, exist_ok=True)
    try:
        for keys in phases(config, args.only, args.work) if not args.report else ():
            finished = finished and run_phase(args, config, keys)
    finally:
        report.write(args.work, args.out, config, args.only, facts_of(args))
    missing = sum(phases(config, args.only, args.work), [])
    print(f"stopped with {len(missing)} jobs to do: the same command goes on from here" if missing else "all done", flush=True)
    return not missing


if __name__ == "__main__":
    sys.exit(0 if main() else STOPPED)
