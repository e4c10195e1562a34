"""The weights that come with the library: small, safe to read, and able to dress somebody."""

from __future__ import annotations

import json

import torch
from safetensors.torch import load_file

from tools.gpu import LARGEST_CHECKPOINT
from vtonlib.evaluation.image import ssim
from vtonlib.experiment import SHIPPED, load_pipeline, load_source, try_on


def test_five_lines_dress_people_nobody_trained_on() -> None:
    """The garment is painted: nearer to the truth inside the mask than the garment of the next person would be."""
    pipeline, world = load_pipeline(), load_source()
    people = world.unpaired("test", torch.arange(8))
    worn = try_on(pipeline, people).image
    likeness = ssim(worn, people.person, people.agnostic_mask)
    others = ssim(worn, people.person.roll(1, 0), people.agnostic_mask)
    assert likeness.mean() > 0.5 and likeness.mean() > others.mean() + 0.2
    keep = 1 - people.agnostic_mask
    torch.testing.assert_close(worn * keep, people.agnostic * keep)
    colour = (worn * people.garment_region).sum((2, 3)) / people.garment_region.sum((2, 3))
    true = (people.person * people.garment_region).sum((2, 3)) / people.garment_region.sum((2, 3))
    assert (colour - true).abs().mean() < 0.25 < (colour - true.roll(1, 0)).abs().mean()


def test_the_seed_decides() -> None:
    pipeline, people = load_pipeline(), load_source().paired("test", torch.arange(1))
    first, again, other = (try_on(pipeline, people, seed=s).image for s in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_what_is_shipped_is_small_and_no_pickle() -> None:
    files = [file for file in SHIPPED.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} <= {".json", ".safetensors", ".md", ".png"}
    assert sum(file.stat().st_size for file in files) < LARGEST_CHECKPOINT
    stored = [load_file(file) for file in files if file.suffix == ".safetensors"]
    assert stored and all(x.dtype in (torch.float16, torch.int64) for tensors in stored for x in tensors.values())
    assert all(p.dtype == torch.float32 for net in load_pipeline().components.values() for p in net.parameters())
    assert not [f for f in files if f.suffix in (".json", ".md") and "/tmp" in f.read_text(encoding="utf8")]
    assert json.loads((SHIPPED / "model_index.json").read_text(encoding="utf8"))["_class_name"]
