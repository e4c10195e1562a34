"""The ladders: one change a rung, the released tensors at the top, and counts that are counted again."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from leffa_goldens import released_keys

from vtonlib.ladder import (
    BLOCKS,
    COUNTS,
    LADDERS,
    Rung,
    climb,
    count,
    counted,
    narrowed,
    pose_transfer,
    transformer,
)
from vtonlib.models.alias import ALIASGenerator
from vtonlib.models.leffa import LeffaUNet
from vtonlib.models.stable_viton import SD15, StableVITONUNet
from vtonlib.official import load
from vtonlib.presets import preset
from vtonlib.published import LEFFA_POSE, RELEASED

FOUND = counted()


def shapes(rung: Rung) -> dict[str, torch.Size]:
    with torch.device("meta"):
        return {key: value.shape for key, value in rung.probe().network.state_dict().items()}


@pytest.mark.parametrize("name", LADDERS)
def test_every_rung_but_the_first_changes_one_thing(name: str) -> None:
    ladder = LADDERS[name]
    assert [rung.changed for rung in ladder].count(ladder[0].changed) == 1
    for below, above in pairwise(ladder):
        places = [key for key in ("height", "width", "factor") if getattr(below, key) != getattr(above, key)]
        options = {key for key in above.options if above.options[key] != below.options.get(key)}
        assert bool(places) != bool(options), above.changed
        assert len(options) <= 2, above.changed  # widths and the groups of their norms; an encoder and what it sees
    assert len(ladder) == sum(f"{name} {k}" in FOUND for k in range(20))


def test_the_first_rungs_are_our_smallest_presets() -> None:
    for name, network in (("stableviton", "StableVITON"), ("leffa", "Leffa"), ("alias", "VITON-HD")):
        task, first = preset(name).task, LADDERS[network][0]
        same = {key: getattr(task, key) for key in first.options if hasattr(task, key)}
        assert same == {key: first.options[key] for key in same} and len(same) >= 3
        assert (first.height, first.width) == (preset(name).data.height, preset(name).data.width)


def test_the_last_rungs_have_the_released_shapes() -> None:
    with torch.device("meta"):
        released = StableVITONUNet(**SD15)  # compared with the 1,957 keys of the released code by tests/official
        alias = ALIASGenerator.most()
    assert shapes(LADDERS["StableVITON"][-1]) == {k: v.shape for k, v in released.state_dict().items()}
    given = {key: torch.empty(shape, device="meta") for key, shape in released_keys("leffa_try_on").items()}
    with torch.device("meta"):
        pair = load("leffa_try_on", given)
    assert shapes(LADDERS["Leffa"][-1]) == {k: v.shape for k, v in pair.state_dict().items()}
    assert FOUND["VITON-HD 4"].parameters == sum(p.numel() for p in alias.parameters())


@pytest.mark.parametrize("name", ["StableVITON 0", "QS-Attn 4"])
def test_stored_counts_are_counted_again(name: str) -> None:
    family, _, number = name.rpartition(" ")
    assert count(LADDERS[family][int(number)].probe()) == FOUND[name]


@pytest.mark.disagreement("D99")
def test_the_released_pair_for_poses_is_larger_than_the_papers() -> None:
    """The paper's is of Stable Diffusion 1.5, the released one of SDXL."""
    with torch.device("meta"):
        paper = LeffaUNet(**{**RELEASED["leffa_try_on"], "in_channels": 7})
    assert LEFFA_POSE[0].task.block_out_channels == RELEASED["leffa_try_on"]["block_out_channels"]  # type: ignore[union-attr]
    times = FOUND["pose"].parameters / sum(p.numel() for p in paper.parameters())
    assert 2.4 < times < 2.6
    assert pose_transfer().options == RELEASED["leffa_pose"]


@pytest.mark.disagreement("D101")
def test_pictures_of_256_by_192_are_lawful_here() -> None:
    """The released blocks refuse lattices of 8x6, so pictures of 256x192."""
    with torch.device("meta"):
        probe = narrowed(80, 256, 192).probe()
        assert probe.call().shape == (1, 4, 32, 24)  # type: ignore[attr-defined]


def test_transformers_are_diffusers_and_known() -> None:
    with pytest.raises(ValueError, match="no transformer is called 'DiT'; there are SD3, FLUX"):
        transformer("DiT")  # type: ignore[arg-type]
    assert FOUND["SD3"].tokens == FOUND["FLUX"].tokens == 128 * 192 // 4
    assert any(block.__name__ == "FluxTransformerBlock" for block in BLOCKS)


def test_a_climb_keeps_what_it_changed() -> None:
    first, second, third = climb("QS-Attn", (8, 6, 1), {"channels": 4}, ("a", {"blocks": 2}), ("b", {"height": 16}))
    assert (first.options, second.options, third.options) == ({"channels": 4}, *[{"channels": 4, "blocks": 2}] * 2)
    assert (first.height, third.height, third.changed) == (8, 16, "b")


def test_the_benchmark_counts_only_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from benchmarks.ladder import main

    held = json.loads(COUNTS.read_text(encoding="utf8"))
    missing = held["runs"].pop("QS-Attn 0")
    (tmp_path / "found.json").write_text(json.dumps(held), encoding="utf8")
    main(["--out", str(tmp_path / "found.json")])
    again = json.loads((tmp_path / "found.json").read_text(encoding="utf8"))["runs"]["QS-Attn 0"]
    assert {**again, "seconds": 0} == {**missing, "seconds": 0}
    assert capsys.readouterr().out.startswith("QS-Attn 0 ")
