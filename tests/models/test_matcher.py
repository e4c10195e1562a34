import subprocess
import sys

import pytest
import torch

from vtonlib.attention import AttentionTap, Grid
from vtonlib.grids import resize_image
from vtonlib.losses.matching import colour_copying
from vtonlib.models.matcher import Matcher, token_colours


def inputs(batch=2, height=16, width=12, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    sizes = {"agnostic": 3, "agnostic_mask": 1, "dense_pose": 3, "garment": 3, "garment_mask": 1}
    draw = {name: torch.rand(batch, c, height, width, dtype=dtype, generator=generator) for name, c in sizes.items()}
    return {name: (x > 0.3).to(dtype) if name.endswith("mask") else 2 * x - 1 for name, x in draw.items()}


def new_matcher(**options):
    torch.manual_seed(0)
    return Matcher(channels=8, head_dim=8, layers=1, **options)


@pytest.mark.parametrize("height, width", [(16, 12), (8, 24), (4, 4), (64, 48)])
def test_any_size_of_whole_patches(height, width):
    assert new_matcher()(**inputs(2, height, width)).shape == (2, 3, height, width)


@pytest.mark.parametrize("height, width", [(18, 12), (16, 10), (2, 4)])
def test_other_sizes_are_refused(height, width):
    with pytest.raises(ValueError, match=f"{height}x{width}: expected multiples of patch_size, 4"):
        new_matcher()(**inputs(2, height, width))


@pytest.mark.parametrize("heads", [1, 2])
def test_the_image_is_the_attention_times_the_colours_of_the_tokens(heads):
    model, given, grid = new_matcher(heads=heads).double(), inputs(dtype=torch.float64), Grid(4, 3)
    with AttentionTap(model) as tap:
        image = model(**given)
    record = tap["core"]
    assert list(tap) == ["core"] and (record.query_grid, record.key_grids) == (grid, (grid,))
    colours, _ = token_colours(given["garment"], given["garment_mask"], grid)
    by_hand = record.weights().mean(1) @ colours.flatten(2).mT
    torch.testing.assert_close(image, resize_image(by_hand.mT.unflatten(2, grid), 16, 12))


def test_the_logits_are_sharp_cosines_plus_the_log_of_the_garments_share():
    model, given = new_matcher(heads=2, sharpness=3.0).double(), inputs(dtype=torch.float64)
    given["garment_mask"][..., 6:] = 0
    with AttentionTap(model) as tap:
        model(**given)
    record = tap["core"]
    share = torch.nn.functional.avg_pool2d(given["garment_mask"], 4).clamp_min(1e-3).flatten(1)
    cosines = record.query[..., :-1] @ record.key[..., :-1].mT / 3
    assert cosines.abs().max() <= 1 + 1e-9
    torch.testing.assert_close(record.weights(), (3 * cosines + share.log()[:, None, None]).softmax(-1))


def test_token_colours_by_hand():
    garment = torch.tensor([[0.2, 0.4, 1.0, 1.0], [0.6, 1.0, 1.0, 1.0]]).expand(1, 3, 2, 4)
    mask = torch.tensor([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]).expand(1, 1, 2, 4)
    colours, share = token_colours(garment, mask, Grid(1, 2))
    torch.testing.assert_close(colours[0, :, 0], torch.tensor([0.4, 1.0]).expand(3, 2), atol=1e-3, rtol=0)
    torch.testing.assert_close(share.flatten(), torch.tensor([0.75, 1e-3]))


def test_without_a_mask_all_tokens_are_keys():
    model, given = new_matcher(), inputs()
    full, empty = ({**given, "garment_mask": torch.full_like(given["garment_mask"], x)} for x in (1.0, 0.0))
    torch.testing.assert_close(model(**full), model(**empty))


def test_a_garment_of_one_colour_is_copied_exactly():
    given = inputs()
    given["garment"] = torch.full_like(given["garment"], 0.25)
    torch.testing.assert_close(new_matcher()(**given), torch.full((2, 3, 16, 12), 0.25))


def test_sample_i_of_a_batch_equals_the_sample_alone():
    model, given = new_matcher(), inputs()
    together = model(**given)
    for i in range(2):
        torch.testing.assert_close(model(**{name: x[i : i + 1] for name, x in given.items()})[0], together[i])


@pytest.mark.parametrize("name", ["agnostic", "agnostic_mask", "dense_pose", "garment", "garment_mask"])
def test_every_input_counts(name):
    model, given = new_matcher(), inputs()
    before = model(**given)
    assert not torch.allclose(model(**(given | {name: given[name].flip(-1)})), before)


def test_every_parameter_learns():
    model, given = new_matcher(), inputs()
    colour_copying(model(**given), given["agnostic"], given["agnostic_mask"]).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_twenty_steps_on_one_batch_lower_the_loss():
    model, given = new_matcher(), inputs()
    given["garment"] = given["garment"][..., ::4, ::4].repeat_interleave(4, -1).repeat_interleave(4, -2)
    person = given["garment"].flip(-1)  # the person wears the garment mirrored
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(21):
        loss = colour_copying(model(**given), person, torch.ones(2, 1, 16, 12))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]


def keys_of(model, given, **options):
    with AttentionTap(model) as tap:
        model(**given, **options)
    return tap["core"].key[..., :-1]  # without the logarithm of the mask's share


@pytest.mark.parametrize(("keys_see", "pixels", "mask"), [("garment", 1, 0), ("outline", 0, 1), ("place", 0, 0)])
def test_what_the_keys_see_is_what_they_depend_on(keys_see, pixels, mask):
    """Exactly: what a key does not see has a gradient of 0, and changing it changes not one bit of the key."""
    model, given = new_matcher(keys_see=keys_see), inputs()
    watched = {name: given[name].requires_grad_() for name in ("garment", "garment_mask")}
    keys_of(model, given).square().mul(torch.rand(8)).sum().backward()
    slopes = [0.0 if x.grad is None else float(x.grad.abs().max()) for x in watched.values()]
    assert [slope > 0 for slope in slopes] == [bool(pixels), bool(mask)]
    given = {name: x.detach() for name, x in given.items()}
    before = keys_of(model, given)
    for name, counts in (("garment", pixels), ("garment_mask", mask)):
        after = keys_of(model, {**given, name: given[name].flip(-1)})
        assert torch.equal(after, before) != bool(counts)


def test_the_twins_differ_in_nothing_else():
    """Same parameters from the same seed, same queries, same logarithm, same values."""
    twins, given = {see: new_matcher(keys_see=see) for see in ("garment", "outline", "place")}, inputs()
    records = {}
    for see, model in twins.items():
        with AttentionTap(model) as tap:
            model(**given)
        records[see] = tap["core"]
        pairs = zip(model.parameters(), twins["garment"].parameters(), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)
    for record in records.values():
        assert torch.equal(record.query, records["garment"].query)
        assert torch.equal(record.key[..., -1], records["garment"].key[..., -1])
    assert not torch.allclose(records["place"].key, records["garment"].key)


def test_a_blind_matcher_still_copies_the_garments_colours():
    model, given = new_matcher(keys_see="place"), inputs()
    assert not torch.allclose(model(**given), model(**(given | {"garment": -given["garment"]})))


def test_another_garments_pixels_change_the_keys_and_nothing_else():
    model, given = new_matcher(), inputs()
    other = given["garment"].flip(0)
    assert torch.equal(keys_of(model, given, shown=other), keys_of(model, {**given, "garment": other}))
    flat = given | {"garment": torch.full_like(other, 0.25)}  # the values are the garment's own
    torch.testing.assert_close(model(**flat, shown=other), torch.full((2, 3, 16, 12), 0.25))
    blind = new_matcher(keys_see="place")
    assert torch.equal(blind(**given, shown=other), blind(**given))


def test_unknown_twins_are_refused():
    with pytest.raises(ValueError, match="keys_see is 'nothing', expected one of garment, outline, place"):
        new_matcher(keys_see="nothing")


def test_needs_no_diffusers():
    code = "import sys, vtonlib.models.matcher; print('diffusers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
