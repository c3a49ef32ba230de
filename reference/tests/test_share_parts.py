"""Checkpoints that share models: which are shared, the index and the list of checksums."""

import hashlib
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "share_parts.py"


def checkpoint(folder: Path, models: dict[str, str]) -> Path:
    for name, content in models.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "model.safetensors").write_text(content)
    index = {"tae": "tae", "transformer": "transformer", "text_encoders": {"byt5": "text_encoder_byt5"}, "strip_quoted": False}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


class SharePartsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_script(self, checkpoint: Path, other: Path) -> subprocess.CompletedProcess:
        command = [sys.executable, SCRIPT, checkpoint, "--with", other]
        return subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parent)

    def test_what_is_the_same_is_shared_and_listed(self):
        base = checkpoint(self.folder / "base", {"tae": "a", "transformer": "b", "text_encoder_byt5": "c"})
        other = checkpoint(self.folder / "other", {"tae": "a", "transformer": "changed", "text_encoder_byt5": "c"})
        self.assertEqual(self.run_script(other, base).returncode, 0)
        index = json.loads((other / "model_index.json").read_text())
        self.assertEqual(index["tae"], "../base/tae")
        self.assertEqual(index["text_encoders"], {"byt5": "../base/text_encoder_byt5"})
        self.assertEqual((index["transformer"], index["strip_quoted"]), ("transformer", False))
        self.assertEqual(sorted(p.name for p in other.iterdir()), ["SHA256SUMS", "model_index.json", "transformer"])
        self.assertEqual((base / "tae" / "model.safetensors").read_text(), "a")
        sums = dict(reversed(line.split("  ")) for line in (other / "SHA256SUMS").read_text().splitlines())
        self.assertEqual(sums["../base/tae/model.safetensors"], hashlib.sha256(b"a").hexdigest())
        self.assertEqual(set(sums), {"model_index.json", "transformer/model.safetensors", "../base/tae/model.safetensors",
                                     "../base/text_encoder_byt5/model.safetensors"})

    def test_elsewhere_is_refused(self):
        base = checkpoint(self.folder / "far" / "base", {"tae": "a"})
        other = checkpoint(self.folder / "other", {"tae": "a"})
        done = self.run_script(other, base)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("two checkpoints in one folder", done.stderr)


if __name__ == "__main__":
    unittest.main()
