"""Plots: what is drawn stands where it should, and the curves of the committed logs are drawn whole."""

import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import curves
from moviegen_reference import plot

TRAINING = Path(__file__).resolve().parents[2] / "models" / "shapes-world" / "training"
SVG = "{http://www.w3.org/2000/svg}"


class Plots(unittest.TestCase):
    def test_ticks(self):
        self.assertEqual(plot.nice_ticks(0, 10), [0, 2, 4, 6, 8, 10])
        self.assertEqual([round(t, 6) for t in plot.nice_ticks(0.12, 0.41)], [0.15, 0.2, 0.25, 0.3, 0.35, 0.4])
        self.assertEqual(plot.log_ticks(3, 60), [5, 10, 20, 50])
        for low, high in ((1e-4, 3e-4), (-7, 950), (29.1, 30.2)):
            self.assertIn(len(plot.nice_ticks(low, high)), range(2, 8))

    def test_points_stand_where_their_numbers_are(self):
        line = plot.Series("a & b", [(1, 10), (10, 100), (100, 1000)], [(9, 11), (90, 110), (900, 1100)])
        root = ElementTree.fromstring(plot.page([plot.Panel("t", "x", "y", [line], log_x=True, log_y=True)] * 2))
        circles = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter(f"{SVG}circle")]
        self.assertEqual(len(circles), 6)
        (x0, y0), (x1, y1), (x2, y2) = circles[:3]
        self.assertAlmostEqual(x1 - x0, x2 - x1, delta=0.2)                # equal on logarithmic axes
        self.assertAlmostEqual(y0 - y1, y1 - y2, delta=0.2)
        self.assertTrue(plot.LEFT < x0 < x2 < plot.WIDTH and plot.TOP < y2 < y0 < plot.HEIGHT)
        self.assertEqual(int(root.get("width")), 2 * plot.WIDTH)

    def test_a_name_has_one_colour(self):
        a, b = (plot.Series(n, [(0, 1), (1, 2)]) for n in "ab")
        root = ElementTree.fromstring(plot.page([plot.Panel("t", "x", "y", [a, b]), plot.Panel("t", "x", "y", [b])]))
        drawn = [p.get("stroke") for p in root.iter(f"{SVG}path") if p.get("stroke-width") == "1.6"]
        self.assertEqual(drawn, [plot.COLOURS[0], plot.COLOURS[1], plot.COLOURS[1]])

    def test_refusals(self):
        with self.assertRaisesRegex(ValueError, "logarithmic axis takes positive numbers, got 0"):
            plot.page([plot.Panel("t", "x", "y", [plot.Series("a", [(0, 0), (1, 1)])], log_y=True)])
        with self.assertRaisesRegex(ValueError, "no points"):
            plot.page([plot.Panel("t", "x", "y", [])])


class Curves(unittest.TestCase):
    def test_of_the_committed_logs(self):
        logs = sorted(TRAINING.glob("*.jsonl"))
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "curves.svg"
            curves.main([*map(str, logs), "--out", str(out)])
            text = out.read_text()
            ElementTree.fromstring(text)
            for name in ("loss", "unseen.psnr", *(log.stem for log in logs)):
                self.assertIn(f">{name}</text>", text)
            with self.assertRaisesRegex(ValueError, "no log has both minutes and accuracy; there is: .*loss"):
                curves.main([str(logs[0]), "--out", str(out), "--of", "accuracy"])


if __name__ == "__main__":
    unittest.main()
