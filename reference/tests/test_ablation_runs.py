"""The ablations' runner on a configuration of seconds: every table and plot is made, and stopping changes nothing."""

import contextlib
import io
import json
import os
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import torch

from ablations import report, run
from ablations.common import Stopped

RECIPE = {"lr": 0.01, "final": 0.1, "warmup": 2, "average": 0.9}
TINY = {
    "seeds": [0],
    "steps": {"prompts": 2, "steps": [2, 4], "reference": 30, "decode": True},
    "guidance": {"prompts": 2, "steps": 2, "scales": [1, 3]},
    "dit": {
        "clips": 6, "unseen": 3, "prompts": 2, "steps": [2, 3], "guidance": 3, "updates": 3, "batch": 2, "recipe": RECIPE,
        "dit": {"hidden_size": 32, "num_layers": 2, "num_heads": 2, "ffn_hidden_size": 48, "max_grid": [4, 4, 4]},
    },
    "tae": {
        "clips": 2, "unseen": 1, "texture_share": 0.5, "batch": 1, "image_updates": 1, "updates": 4, "image_recipe": RECIPE, "recipe": RECIPE,
        "tae": {"block_out_channels": [4, 6, 6, 8], "layers_per_block": 1, "norm_num_groups": 1},
        "weights": {"object": 4, "pyramid": 1, "change": 0.5, "kl": 1e-4}, "opl": {"without": 0, "recipe": 0.01, "strong": 1},
    },
}


class Phases(unittest.TestCase):
    def test_what_is_done_and_what_it_rests_on(self):
        with tempfile.TemporaryDirectory() as folder:
            work, config = Path(folder), TINY | {"seeds": [0, 1]}

            def finish(*keys: run.Key):
                for key in keys:
                    run.result_of(work, key).parent.mkdir(parents=True, exist_ok=True)
                    run.result_of(work, key).touch()

            self.assertEqual(run.phases(config, ["tae", "steps"], work), [
                [("tae", "prepare", 0)], [("tae", "image", 0), ("tae", "image", 1)],
                [("tae", "2.5d", 0), ("tae", "3d", 0), ("steps", "noise", 0), ("tae", "2.5d", 1), ("tae", "3d", 1), ("steps", "noise", 1)],
            ])
            finish(("tae", "prepare", 0), ("tae", "image", 0), ("tae", "image", 1), ("tae", "2.5d", 0), ("tae", "3d", 0), ("tae", "2.5d", 1))
            # without their files, what the last job rests on is made again
            self.assertEqual(run.phases(config, ["tae"], work), [[("tae", "prepare", 0)], [("tae", "image", 1)], [("tae", "3d", 1)]])
            finish(("tae", "3d", 1))
            self.assertEqual(run.phases(config, ["tae"], work), [[], [], []])
            self.assertEqual(len(run.phases(config, ["objective", "positions", "blocks"], work)[2]), 2 * 5)  # the baseline is shared


class Processes(unittest.TestCase):
    keys = [("dit", "base", seed) for seed in range(4)]

    def run_with(self, work: Path, behave, until: float = float("inf")):
        """`run_phase` with three processes of which each notes its seed and then does what `behave` says."""
        def job(args, config, key):
            (work / str(key[2])).touch()
            behave(key[2])
        with mock.patch.object(run, "run_one", job), contextlib.redirect_stderr(io.StringIO()):
            return run.run_phase(SimpleNamespace(workers=3, until=until, work=work), {}, list(self.keys))

    def test_all_are_run(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertTrue(self.run_with(Path(folder), lambda seed: None))
            self.assertEqual(sorted(f.name for f in Path(folder).iterdir()), ["0", "1", "2", "3"])
            self.assertFalse(self.run_with(Path(folder), lambda seed: None, until=0))

    def test_stopping_and_failing(self):
        def stop(seed):
            if seed == 1:
                raise Stopped

        def fail(seed):
            if seed == 2:
                os.close(2)  # the traceback is not of interest here
                raise ValueError
        with tempfile.TemporaryDirectory() as folder:
            self.assertFalse(self.run_with(Path(folder), stop))
            with self.assertRaisesRegex(RuntimeError, "these jobs failed, see above: dit/base/2"):
                self.run_with(Path(folder), fail)


class Runner(unittest.TestCase):
    def test_every_table_and_plot(self):
        threads = torch.get_num_threads()
        self.addCleanup(torch.set_num_threads, threads)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            work, out = Path(folder) / "work", Path(folder) / "out"
            config = Path(folder) / "tiny.json"
            config.write_text(json.dumps(TINY))
            given = ["--work", str(work), "--out", str(out), "--config", str(config), "--checkpoint", str(run.MODELS / "shapes-world")]
            self.assertFalse(run.main([*given, "--minutes", "0"]))
            self.assertEqual(list(out.glob("*")), [])
            self.assertTrue(run.main(given))
            for name in report.TABLES:
                ElementTree.parse(out / f"{name}.svg")
                found = json.loads((out / f"{name}.json").read_text())
                rows = (out / f"{name}.md").read_text().split("\n")
                self.assertIn("shapes-world", rows[-2])
                self.assertEqual({row.count("|") for row in rows[:3]}, {rows[0].count("|")})
                self.assertEqual(list(found["results"]), report.variants_of(name, TINY))
            base, flat = (json.loads((work / "tae" / f"{v}-s0" / "result.json").read_text()) for v in ("2.5d", "3d"))
            self.assertLess(flat["updates"], base["updates"])              # equal compute: a 3D update costs more
            self.assertLess(abs(flat["operations"] / base["operations"] - 1), 0.3)
            stamp = (work / "dit" / "base-s0" / "result.json").stat().st_mtime_ns
            self.assertTrue(run.main(given))                               # nothing is done twice
            self.assertEqual((work / "dit" / "base-s0" / "result.json").stat().st_mtime_ns, stamp)


if __name__ == "__main__":
    unittest.main()
