"""The ablations' runner on a configuration of seconds: every table and plot is made, and stopping changes nothing."""

import contextlib
import io
import json
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import torch

from ablations import report, run

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
