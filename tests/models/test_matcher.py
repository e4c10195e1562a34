import subprocess
import sys

import pytest
import torch

from vtonlib.attention import AttentionTap, Grid
from vtonlib.losses.matching import colour_copying
from vtonlib.models.matcher import Matcher


def inputs(batch=2, height=16, width=12, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    sizes = {"agnostic": 3, "agnostic_mask": 1, "dense_pose": 3, "garment": 3}
    draw = {name: torch.rand(batch, c, height, width, dtype=dtype, generator=generator) for name, c in sizes.items()}
    return {name: x if name == "agnostic_mask" else 2 * x - 1 for name, x in draw.items()}


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
def test_the_image_is_the_attention_times_the_garments_patches(heads):
    model, given = new_matcher(heads=heads).double(), inputs(dtype=torch.float64)
    with AttentionTap(model) as tap:
        image = model(**given)
    (name, record), t = next(iter(tap.items())), model.token_size
    lattice = Grid(16 // t, 12 // t)
    assert name == "core" and (record.query_grid, record.key_grids) == (lattice, (lattice,))
    weights = record.weights().mean(1)  # by hand: token i of the image is sum_j A_ij token j of the garment
    for row, column in ((0, 0), (2, 1), (lattice.height - 1, lattice.width - 1)):
        by_hand = torch.zeros(2, 3, t, t, dtype=torch.float64)
        for j in range(lattice.tokens):
            y, x = divmod(j, lattice.width)
            token = given["garment"][:, :, y * t : (y + 1) * t, x * t : (x + 1) * t]
            by_hand += weights[:, row * lattice.width + column, j, None, None, None] * token
        found = image[:, :, row * t : (row + 1) * t, column * t : (column + 1) * t]
        torch.testing.assert_close(found, by_hand)


def test_a_garment_of_one_colour_is_copied_exactly():
    given = inputs()
    given["garment"] = torch.full_like(given["garment"], 0.25)
    torch.testing.assert_close(new_matcher()(**given), torch.full((2, 3, 16, 12), 0.25))


def test_sample_i_of_a_batch_equals_the_sample_alone():
    model, given = new_matcher(), inputs()
    together = model(**given)
    for i in range(2):
        torch.testing.assert_close(model(**{name: x[i : i + 1] for name, x in given.items()})[0], together[i])


@pytest.mark.parametrize("name", ["agnostic", "agnostic_mask", "dense_pose", "garment"])
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


def test_needs_no_diffusers():
    code = "import sys, vtonlib.models.matcher; print('diffusers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
