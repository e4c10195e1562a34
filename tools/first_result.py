"""Draw the picture of the README: a shipped model's first unpaired test examples, enlarged.

python -m tools.first_result [NAME]
"""

from __future__ import annotations

import sys

import torch

from tools.shell import ROOT

EXAMPLES, ROWS = 8, 192  # people, and pixel rows of each picture
PICTURE = ROOT / "book" / "_static" / "first_result.png"


def main(name: str = "") -> None:
    """Rows: garment, what the model sees of the person, what it paints, the truth. By default the shipped default."""
    from vtonlib import checkpoints
    from vtonlib.data.source import ordered_batches
    from vtonlib.experiment import try_on
    from vtonlib.images import grid, save_png

    name = name or checkpoints.DEFAULT
    batch = next(ordered_batches(checkpoints.source(name), "test", count=EXAMPLES, unpaired=True))
    rows = (batch.garment, batch.agnostic, try_on(checkpoints.load(name), batch).image, batch.person)
    picture = grid(list(torch.stack(rows, dim=1)))
    enlarge = ROWS / batch.size[0]
    size = (round(enlarge * picture.shape[1]), round(enlarge * picture.shape[2]))
    save_png(PICTURE, torch.nn.functional.interpolate(picture[None], size, mode="bicubic")[0].clamp(-1, 1))
    print(f"written: {PICTURE}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
