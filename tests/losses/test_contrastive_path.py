"""From the features of two images to CUT's and QS-Attn's loss: selection, routing, projection and PatchNCE together."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from gan_goldens import Golden, names
from torch import Tensor

from vtonlib.attention.query_selection import RULES, PatchPairs
from vtonlib.losses.patch_nce import patch_nce
from vtonlib.models.translator import unit_patches
from vtonlib.official import load

DTYPES = [torch.float32, torch.float64]


def of_layers(golden: Golden, what: str) -> list[Tensor]:
    """The features of one of the two images, coarsest last, with gradients."""
    count = sum(name.startswith(f"{what}.") for name in golden.inputs)
    return [golden[f"{what}.{layer}"].requires_grad_() for layer in range(count)]


def projected(golden: Golden, pairs: list[PatchPairs]) -> tuple[list[Tensor], list[Tensor], dict[str, Tensor]]:
    """Keys and queries of every layer, and the projector's parameters by their official names."""
    if not golden.args["use_mlp"]:
        return [unit_patches(p.source) for p in pairs], [unit_patches(p.translation) for p in pairs], {}
    projector = load("cut_projector", golden.state).to(golden["real.0"].dtype)
    weights = {key.replace("layers.", "mlp_"): value for key, value in projector.named_parameters()}
    return projector([p.source for p in pairs]), projector([p.translation for p in pairs]), weights


def compare(golden: Golden, pairs: list[PatchPairs]) -> None:
    """Everything that the golden has from the projection on, gradients included."""
    keys, queries, weights = projected(golden, pairs)
    losses = [
        patch_nce(query, key, temperature=golden.args["nce_T"], released=True).mean()
        for query, key in zip(queries, keys, strict=True)
    ]
    total = golden.args["lambda_NCE"] * torch.stack(losses).mean()
    golden.check("loss_total", total[None])
    total.backward()
    for layer, (key, query, loss) in enumerate(zip(keys, queries, losses, strict=True)):
        for name, value in ((f"k_pool.{layer}", key), (f"q_pool.{layer}", query), (f"loss.{layer}", loss[None])):
            if name in golden.unchecked:
                golden.check(name, value.flatten(0, 1) if value.ndim == 3 else value)
    for name in sorted(golden.unchecked):
        if name.startswith("grad."):
            golden.check(name, (weights | golden.inputs)[name.removeprefix("grad.")].grad)
    assert not golden.unchecked


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", names("cut_nce"))
def test_cut_equals_the_official_one(name: str, dtype: torch.dtype) -> None:
    golden = Golden(name, dtype)
    sources, translations = of_layers(golden, "real"), of_layers(golden, "fake")
    ids = [golden[f"ids.{layer}"].expand(len(sources[0]), -1) for layer in range(len(sources))]
    compare(golden, [RULES["cut"].read(*maps) for maps in zip(sources, translations, ids, strict=True)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", names("qs"))
def test_query_selection_equals_the_official_one(name: str, dtype: torch.dtype) -> None:
    golden = Golden(name, dtype)
    count = golden.args["num_patches"]
    selecting = replace(RULES[golden.args["mode"]], count=count, official_layout=True)
    pairs = []
    for layer, (source, translation) in enumerate(
        zip(of_layers(golden, "real"), of_layers(golden, "fake"), strict=True)
    ):
        if layer < 3:
            ids = golden[f"perm.{layer}"][:count]
            assert torch.equal(ids, golden.wanted[f"ids.{layer}"])
            golden.unchecked.discard(f"ids.{layer}")
            pairs.append(RULES["cut"].read(source, translation, ids.expand(len(source), -1)))
            continue
        pairs.append(selecting.pair(source, translation))
        assert torch.equal(pairs[-1].ids, golden.wanted[f"ids.{layer}"])
        golden.unchecked.discard(f"ids.{layer}")
        golden.check(f"entropy.{layer}", selecting.entropy(source))
        weights = selecting.attention(source, pairs[-1].ids).weights()
        golden.check(f"attn.{layer}", weights[:, 0] if selecting.route == "global" else weights.flatten(0, 1))
    compare(golden, pairs)


def test_the_correct_layout_gives_another_result() -> None:
    """So that a golden of the misread layout cannot pass by the default."""
    golden = Golden("qs_local_b2")
    for name in ("local", "local_global"):
        ids = replace(RULES[name], count=16).choose(golden["real.3"])
        assert not torch.equal(ids, Golden("qs_local_b2").wanted["ids.3"])
