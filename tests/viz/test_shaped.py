"""Stored trainings: what is read is what was kept, in bytes and halves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vtonlib.evaluation import end_point_error, truth_on_lattice
from vtonlib.viz.shaped import Shaped, load_shaped, save_shaped


def some(seed: int) -> Shaped:
    g = torch.Generator().manual_seed(seed)
    image, centres, spread = (torch.rand(s, generator=g) for s in ((2, 3, 8, 6), (2, 4, 3, 2), (2, 4, 3)))
    return Shaped(image * 2 - 1, centres * 2 - 1, spread * 5)


def test_what_is_read_is_what_was_kept(tmp_path: Path) -> None:
    arms = {"none": some(0), "variation": some(1)}
    save_shaped(tmp_path / "runs.safetensors", (3, 9), arms)
    found = load_shaped(tmp_path / "runs.safetensors")
    assert found.indices == (3, 9) and list(found.arms) == ["none", "variation"]
    for name, arm in arms.items():
        torch.testing.assert_close(found.arms[name].image, arm.image, atol=1 / 255, rtol=0)
        torch.testing.assert_close(found.arms[name].centres, arm.centres, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(found.arms[name].spread, arm.spread, atol=1e-3, rtol=1e-3)
    people = found.people()
    assert people.index.tolist() == [3, 9]


def test_the_stored_trainings_painted_people_in_garments_of_three_fabrics() -> None:
    stored = load_shaped()
    later = {"moved", "moved-control", "moved-variation", "moved-both"}
    assert {"none", "told", "control", "variation", "entropy", "both", "released"} | later == set(stored.arms)
    people = stored.people()
    truth, known = truth_on_lattice(people.flow, people.flow_mask, 16, 12)

    def off(name: str) -> float:
        return float(end_point_error(stored.arms[name].centres, truth, known, lattice=(16, 12)).nanmean())

    assert off("told") < off("control") < off("variation") < off("both")
    for arm in stored.arms.values():
        assert arm.image.shape == people.person.shape and (arm.spread >= 0).all()


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file of stored trainings"):
        load_shaped(tmp_path / "absent.safetensors")
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="expected stored trainings"):
        load_shaped(tmp_path / "other.safetensors")
