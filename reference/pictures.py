"""What PIL makes of pictures at another size, and what transformers' CLIPImageProcessor makes of them for an image tower.
Writes packages/moviegen/test/pictures.json."""

import base64
import json
from pathlib import Path

import numpy as np
from PIL import Image
from transformers import CLIPImageProcessor

FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
# height, width, then the size asked for
SIZES = [(9, 14, 4, 5), (5, 7, 11, 16), (16, 16, 16, 9), (12, 31, 12, 12), (3, 2, 5, 5)]
PROCESSORS = [
    ({"size": {"shortest_edge": 8}, "crop_size": {"height": 8, "width": 8}}, 11, 17),
    ({"size": 8, "crop_size": 7}, 21, 10),
    ({"size": {"shortest_edge": 6}, "crop_size": {"height": 9, "width": 11}, "resample": 2}, 13, 13),
    ({"size": {"height": 7, "width": 5}, "do_center_crop": False, "resample": 1, "do_normalize": False}, 9, 9),
    ({"do_resize": False, "crop_size": {"height": 5, "width": 8}, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.1, 0.2, 0.3]}, 6, 7),
]


def picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Edges and extremes, where filters with negative lobes leave the range."""
    return (rng.random((height, width, 3)) ** 0.3 * 255).round().astype(np.uint8) * (rng.random((height, width, 1)) > 0.3)


def text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def main():
    rng = np.random.default_rng(5)
    resized = []
    for height, width, to_height, to_width in SIZES:
        pixels = picture(rng, height, width).astype(np.uint8)
        case = {"shape": [height, width], "size": [to_height, to_width], "pixels": text(pixels)}
        for name, code in FILTERS.items():
            case[name] = text(np.asarray(Image.fromarray(pixels).resize((to_width, to_height), code)))
        resized.append(case)
    processed = []
    for config, height, width in PROCESSORS:
        pixels = picture(rng, height, width).astype(np.uint8)
        given = CLIPImageProcessor(**config)(images=Image.fromarray(pixels), return_tensors="np")["pixel_values"]
        processed.append({
            "config": config, "shape": [height, width], "pixels": text(pixels), "values": given.shape[1:],
            "expected": text(given.astype("<f4")),
        })
    out = Path(__file__).resolve().parents[1] / "packages" / "moviegen" / "test" / "pictures.json"
    out.write_text(json.dumps({"resized": resized, "processed": processed}, indent=1) + "\n")


if __name__ == "__main__":
    main()
