"""Texture, colour and likeness of the painted garment, each against pictures whose fault is known."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.textures import TEXTURES
from vtonlib.data.world import World
from vtonlib.evaluation import SplitEvaluation
from vtonlib.evaluation.fabrics import (
    KEEPS,
    PLAIN_ENOUGH,
    colour_error,
    garment_scores,
    geometric_interval,
    texture_energy,
    texture_ratio,
)
from vtonlib.evaluation.references import BLURRED, MOVED, OWN, latent_flow, reference_images
from vtonlib.grids import coordinate_grid, resize_image, warp

PEOPLE = torch.arange(96)


@pytest.fixture(scope="module")
def world() -> World:
    return World(DataConfig(height=64, width=48, laid="anyhow"))


@pytest.fixture(scope="module")
def batch(world: World) -> TryOnBatch:
    return world.unpaired("test", PEOPLE)


@pytest.fixture(scope="module")
def fabrics(world: World) -> list[str]:
    kinds = world.scenes("test", world.partner("test", PEOPLE)).garment.texture
    return [list(TEXTURES)[kind] for kind in kinds.tolist()]


def ratios(image: torch.Tensor, batch: TryOnBatch, fabrics: list[str]) -> dict[str, float]:
    """The geometric mean of each fabric's texture ratios."""
    values = texture_ratio(image, batch.person, batch.garment_region)
    return {
        kind: geometric_interval(values[torch.tensor([fabric == kind for fabric in fabrics])]).mean for kind in TEXTURES
    }


def blurred(batch: TryOnBatch, times: int = 4) -> torch.Tensor:
    return resize_image(resize_image(batch.person, 64 // times, 48 // times), 64, 48)


def patches(batch: TryOnBatch) -> torch.Tensor:
    """Plaid of the kind that a sampler invents: noise four pixels coarse, of about the same size in every picture."""
    noise = torch.randn(len(batch), 3, 16, 12, generator=torch.Generator().manual_seed(0))
    return F.interpolate(noise, (64, 48), mode="bilinear")


def test_the_truth_has_the_true_texture_and_colour(batch: TryOnBatch) -> None:
    scores = garment_scores(batch.person, batch)
    for name, expected in (("garment SSIM", 1.0), ("texture ratio", 1.0), ("colour error", 0.0)):
        torch.testing.assert_close(scores[name], torch.full((len(batch),), expected), msg=name)


def test_blurring_loses_the_texture_of_every_pattern(batch: TryOnBatch, fabrics: list[str]) -> None:
    found = ratios(blurred(batch), batch, fabrics)
    for pattern in ("stripes", "checks", "dots", "logo", "lettering"):
        assert found[pattern] < 0.3, pattern


def test_plaid_on_plain_garments_is_seen(batch: TryOnBatch, fabrics: list[str]) -> None:
    """Amplitudes in units of [-1, 1]: a twentieth is faint, a tenth is plain to see."""
    low, high = KEEPS
    assert ratios(batch.person, batch, fabrics)["plain"] == pytest.approx(1)
    previous = 1.0
    for amplitude in (0.05, 0.1, 0.2):
        now = ratios((batch.person + amplitude * patches(batch)).clamp(-1, 1), batch, fabrics)["plain"]
        assert now > max(previous, high), amplitude
        previous = now
    flat = torch.lerp(batch.person, warp(batch.garment, batch.flow), batch.flow_mask)  # neither light nor shade
    assert 0 < ratios(flat, batch, fabrics)["plain"] < low


def test_as_much_plaid_as_pattern_is_seen_on_patterns_too(batch: TryOnBatch, fabrics: list[str]) -> None:
    inside = batch.garment_region
    size = (texture_energy(batch.person, inside) / texture_energy(patches(batch), inside)).sqrt()
    found = ratios(batch.person + size[:, None, None, None] * patches(batch), batch, fabrics)
    assert all(found[kind] > KEEPS[1] for kind in TEXTURES), found


def test_pixels_moved_by_truth_keep_every_pattern(batch: TryOnBatch, fabrics: list[str]) -> None:
    moved = torch.lerp(batch.person, warp(batch.garment, batch.flow), batch.flow_mask)
    found = ratios(moved, batch, fabrics)
    for pattern in ("stripes", "checks", "dots", "logo", "lettering"):
        assert KEEPS[0] < found[pattern] < KEEPS[1], pattern


def test_what_lies_outside_of_the_garment_does_not_count(batch: TryOnBatch) -> None:
    other = torch.where(batch.garment_region > 0, batch.person, -batch.person)
    for name, values in garment_scores(other, batch).items():
        torch.testing.assert_close(values, garment_scores(batch.person, batch)[name], msg=name)


def test_the_energy_is_that_of_the_formula() -> None:
    """One pixel, by hand: everything else is 0, so the local mean there is the kernel's weight of the middle."""
    image, region = torch.zeros(1, 3, 64, 48), torch.ones(1, 1, 64, 48)
    image[..., 30, 20] = 1
    places = torch.arange(-12, 13, dtype=torch.float64)
    line = torch.exp(-0.5 * (places / 4).square())
    line /= line.sum()
    kernel = line[:, None] * line  # the mean around a pixel holds this share of the bright one
    inside = 64 * 48  # a garment that the picture cuts off has no outline there
    expected = (kernel.square().sum() - kernel[12, 12] ** 2 + (1 - kernel[12, 12]) ** 2) / inside
    assert texture_energy(image, region).item() == pytest.approx(expected.item(), rel=1e-4)
    assert PLAIN_ENOUGH**2 > expected, "one bright pixel is no texture"


def test_a_wrong_colour_is_the_colour_error_and_no_texture(batch: TryOnBatch) -> None:
    region = batch.garment_region
    torch.testing.assert_close(
        colour_error(batch.person + 0.25, batch.person, region), torch.full((len(batch),), 0.25), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        texture_ratio(batch.person + 0.25, batch.person, region), torch.ones(len(batch)), atol=1e-3, rtol=0
    )
    assert (colour_error(blurred(batch, 2), batch.person, region) < 0.1).all(), "blurring keeps the colour"


def test_an_empty_garment_has_no_scores(batch: TryOnBatch) -> None:
    none = {name: torch.zeros_like(getattr(batch, name)) for name in ("garment_region", "flow_mask")}
    import dataclasses

    for name, values in garment_scores(batch.person, dataclasses.replace(batch, **none)).items():
        assert values.isnan().all(), name


def test_ratios_are_averaged_as_ratios() -> None:
    about = geometric_interval(torch.tensor([0.5, 2.0, torch.nan]))
    assert about.mean == pytest.approx(1) and about.n == 2 and about.low < 1 < about.high


def test_tables_have_a_column_for_each_fabric(batch: TryOnBatch, fabrics: list[str], hand_batch: TryOnBatch) -> None:
    from vtonlib.attention import Grid

    evaluation = SplitEvaluation("unpaired", tokens=Grid(16, 12))
    two = (batch[:64], fabrics[:64]), (batch[64:], fabrics[64:])
    for part, kinds in two:
        evaluation.add(part, images={"a model": blurred(part)}, references=reference_images(part), fabrics=kinds)
    main, *tables = evaluation.tables()
    assert main.split == "unpaired" and len(tables) == 5
    by_name = {table.split.removeprefix("unpaired: ").removesuffix(" by fabric"): table for table in tables}
    ratio = by_name["texture ratio"]
    assert [m.name for m in ratio.metrics] == ["all", *(k for k in TEXTURES if k in fabrics)]
    expected = ratios(blurred(batch), batch, fabrics)
    for kind in set(fabrics):
        assert ratio.cell("a model", kind).mean == pytest.approx(expected[kind], rel=1e-4)
        assert ratio.cell("a model", kind).n == fabrics.count(kind)
        assert ratio.cell("oracle", kind).mean == pytest.approx(1)
        assert by_name["texture kept"].cell("oracle", kind).mean == 1
        assert by_name["masked SSIM"].cell("oracle", kind).mean == pytest.approx(1)
    assert main.cell("a model", "texture ratio") == ratio.cell("a model", "all")
    assert "texture ratio (painted to true) → 1" in main.markdown()
    rows = {row.method: row.kind for row in ratio.rows}
    assert rows["a model"] == "model" and rows[BLURRED] == "baseline"
    assert ratio.cell(BLURRED, "all") is not None


def test_as_many_fabrics_as_examples(hand_batch: TryOnBatch) -> None:
    from vtonlib.attention import Grid

    with pytest.raises(ValueError, match="2 fabrics for 3 examples"):
        SplitEvaluation("paired", tokens=Grid(8, 6)).add(hand_batch, fabrics=["plain", "dots"])


def test_latents_that_are_pixels_move_by_truth_as_pixels_do(batch: TryOnBatch) -> None:
    """With latents that lose nothing the reference is the garment itself, moved: nearly the true picture."""
    images = reference_images(batch, lambda x: x, lambda x: x)
    assert set(images) == {OWN, MOVED, BLURRED}
    torch.testing.assert_close(images[OWN], batch.person, atol=1e-5, rtol=0)
    score = {name: garment_scores(image, batch)["garment SSIM"].mean() for name, image in images.items()}
    assert score[OWN] > 0.999 and score[MOVED] > 0.95 > 0.7 > score[BLURRED]
    keep = 1 - batch.agnostic_mask
    for image in images.values():
        torch.testing.assert_close(image * keep, batch.agnostic * keep)


def test_the_flow_between_latents_counts_from_the_middle_of_blocks(hand_batch: TryOnBatch) -> None:
    """A shift by whole blocks of pixels must be the shift by as many latents, everywhere."""
    import dataclasses

    height, width = hand_batch.size
    grid = coordinate_grid(height, width).expand(len(hand_batch), -1, -1, -1)
    step = torch.tensor([4 * 2 / (width - 1), 8 * 2 / (height - 1)])
    whole = dataclasses.replace(hand_batch, flow=grid + step, flow_mask=torch.ones_like(hand_batch.flow_mask))
    flow, known = latent_flow(whole, height // 4, width // 4)
    expected = coordinate_grid(height // 4, width // 4) + torch.tensor([2 / (width // 4 - 1), 4 / (height // 4 - 1)])
    torch.testing.assert_close(flow, expected.expand_as(flow), atol=1e-5, rtol=0)
    assert (known == 1).all()
