"""Lets a checkpoint use the models of the checkpoint beside it where both have the same bytes: they are removed from it, and its
`model_index.json` names them as `../NAME/FOLDER`. Run it after an export.

    python3 share_parts.py ../models/shapes-world-jobs --with ../models/shapes-world
"""

import argparse
import json
import shutil
from pathlib import Path

from export import write_json, write_sums


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--with", type=Path, required=True, dest="other", help="a checkpoint in the same folder")
    args = parser.parse_args()
    own, other = args.checkpoint.resolve(), args.other.resolve()
    if own.parent != other.parent or own == other:
        parser.error(f"{own} and {other} must be two checkpoints in one folder")

    def placed(value):
        if isinstance(value, dict):
            return {key: placed(inner) for key, inner in value.items()}
        mine, theirs = own / str(value), other / str(value)
        if not isinstance(value, str) or not (mine.is_dir() and theirs.is_dir()) or contents(mine) != contents(theirs):
            return value
        shutil.rmtree(mine)
        print(f"{value}: that of {other.name}")
        return f"../{other.name}/{value}"

    index = own / "model_index.json"
    write_json(index, placed(json.loads(index.read_text())))
    write_sums(own)


if __name__ == "__main__":
    main()
