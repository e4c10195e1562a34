"""Draw the picture of the README: the shipped model's first unpaired test examples, three times enlarged.

python -m tools.first_result [RUN]
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from tools.shell import ROOT

EXAMPLES, ENLARGE = 8, 3
PICTURE = ROOT / "book" / "_static" / "first_result.png"


def main(run: Path | None = None) -> None:
    """Rows: garment, what the model sees of the person, what it paints, the truth. Another run may be given."""
    from vtonlib.data.source import ordered_batches
    from vtonlib.experiment import SHIPPED, load_pipeline, load_source, try_on
    from vtonlib.images import grid, save_png

    run = run or SHIPPED
    batch = next(ordered_batches(load_source(run), "test", count=EXAMPLES, unpaired=True))
    rows = (batch.garment, batch.agnostic, try_on(load_pipeline(run), batch).image, batch.person)
    picture = grid(list(torch.stack(rows, dim=1)))
    size = (ENLARGE * picture.shape[1], ENLARGE * picture.shape[2])
    save_png(PICTURE, torch.nn.functional.interpolate(picture[None], size, mode="bicubic")[0].clamp(-1, 1))
    print(f"written: {PICTURE}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
