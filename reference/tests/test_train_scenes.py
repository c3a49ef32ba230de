"""The stage of scene world's training that draws and encodes: what was done when its minutes ended is not done again."""

import sys
import tempfile
import types
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

import train_scenes


class LatentsStage(unittest.TestCase):
    def test_it_goes_on_where_it_stopped(self):
        drawn, clock = [], [0.0]

        def make_bucket(rng, spec, encode, text, device):
            drawn.append(spec["frames"])
            clock[0] += 1.0
            return types.SimpleNamespace(frames=spec["frames"], latents=torch.full((2,), rng.random()))

        with tempfile.TemporaryDirectory() as folder, mock.patch.multiple(
                train_scenes, make_bucket=make_bucket, encoders=mock.Mock(), TAE=mock.MagicMock()), mock.patch(
                "train_scenes.time.time", lambda: clock[0]):
            work = Path(folder)
            run = types.SimpleNamespace(
                device=torch.device("cpu"), state=lambda name: {"config": {}, "average": {}}, folder=lambda stage: work / stage["name"],
                pool_specs=lambda name: [{"frames": n} for n in (1, 2, 3)], until=1.5)
            stage = {"name": "latents", "from": "tae", "pools": "all"}
            with self.assertRaises(train_scenes.Stopped):
                train_scenes.latents_stage(run, stage)
            self.assertEqual(drawn, [1, 2])
            run.until = 2.5                                                # over during the last one: that is still kept
            train_scenes.latents_stage(run, stage)
            self.assertEqual(drawn, [1, 2, 3])
            buckets = torch.load(work / "latents" / "last.pt", weights_only=False)
            self.assertEqual([b["frames"] for b in buckets], [1, 2, 3])
            self.assertEqual([p.name for p in (work / "latents").iterdir()], ["last.pt"])


if __name__ == "__main__":
    unittest.main()
