"""What it costs a painter when a zero cross-attention block is put into it with random weights instead of zeros."""

from __future__ import annotations

import torch

from benchmarks.feature_addition import WIDTH, geometry, paint, train
from vtonlib.data.recoloured import ColourFields, LatticeBatch, Painting
from vtonlib.grids import masked_mean
from vtonlib.models.feature_addition import GarmentReader, LatticePainter

PAINTER_STEPS, STEPS = 150, 20


def measure(seed: int) -> dict[str, float]:
    """Errors on test people, kept and worn parts: of the painter alone, with the block at once, and 20 steps later.

    ``_ratio`` divides by the painter's; ``random`` has PyTorch's usual weights in the layer that begins at zero.
    """
    data, test = geometry("train", 256), geometry("test", 64)
    torch.manual_seed(seed)
    painter = LatticePainter(WIDTH)
    train(painter, None, data, 100 + seed, PAINTER_STEPS)
    found = errors("painter", painter, None, test)
    for start in ("zero", "random"):
        torch.manual_seed(seed)
        reader = GarmentReader(WIDTH)
        if start == "random":
            reader.connection.zero_conv.reset_parameters()
        found |= errors(start, painter, reader, test)
        train(painter, reader, data, seed, STEPS)
        found |= errors(f"{start}_later", painter, reader, test)
    ratios = {
        f"{start}_{where}_ratio": found[f"{start}_{where}"] / found[f"painter_{where}"]
        for start in ("zero", "random", "zero_later", "random_later")
        for where in ("kept", "worn")
    }
    return found | ratios


@torch.no_grad()
def errors(name: str, painter: LatticePainter, reader: GarmentReader | None, test: LatticeBatch) -> dict[str, float]:
    """The squared errors on the test people, where the picture is to be kept and where the garment is worn."""
    task = Painting.of(test, ColourFields.random(len(test), torch.Generator().manual_seed(7)).at)
    off = (paint(task, painter, reader) - task.target).square()
    return {f"{name}_kept": float(masked_mean(off, test.keep)), f"{name}_worn": float(masked_mean(off, test.known))}
