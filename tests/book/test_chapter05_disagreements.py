"""Where paper, released code and notes differ on the generator: each variant written from its description."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parametrize

from vtonlib.config import DataConfig
from vtonlib.data.skeleton import draw_skeleton
from vtonlib.data.world import World
from vtonlib.grids import coordinate_grid, resize_nearest
from vtonlib.losses.adversarial import feature_matching, log_discriminator
from vtonlib.losses.perceptual import perceptual, spade_weights
from vtonlib.models.alias import ALIASGenerator
from vtonlib.models.discriminator import MultiscaleDiscriminator
from vtonlib.official.viton_hd_gmm import released_offsets
from vtonlib.tasks.alias import ALIASConfig, ALIASTask
from vtonlib.thin_plate import lattice_flow


@pytest.mark.disagreement("D8")
def test_the_slip_pays_for_fakes_that_are_long_recognised() -> None:
    logits = torch.tensor([-2.0, -20, -200], dtype=torch.float64, requires_grad=True)

    def as_printed(t: Tensor) -> Tensor:
        """-E[1 - log D(fake)], what a discriminator that maximises the printed term minimises."""
        return -(1 - F.logsigmoid(t))

    (gradient,) = torch.autograd.grad(as_printed(logits).sum(), logits)
    assert (gradient > 0.85).all() and as_printed(logits)[2] < -190  # it goes on for ever
    nothing = torch.full((1, 1, 1, 3), 200.0, dtype=torch.float64)
    ours = log_discriminator([[nothing]], [[logits.view(1, 1, 1, 3)]])
    (gradient,) = torch.autograd.grad(ours, logits)
    assert gradient[1:].abs().max() < 1e-8 and ours >= 0  # a recognised fake is worth nothing more
    expected = -(1 - torch.sigmoid(logits)).log().mean()
    torch.testing.assert_close(ours, expected)


@pytest.mark.disagreement("D20")
def test_sizes_that_do_not_fit_are_refused() -> None:
    """Whole-number division gives 256 x 128 for 256 x 192 and seven doublings."""
    assert [side // 2**7 * 2**7 for side in (256, 192)] == [256, 128]
    generator = ALIASGenerator(3, 2, (4,) * 8, hidden=2, mask_norm_blocks=2)
    assert generator.latent_size(256, 128) == (2, 1) and generator.latent_size(1024, 768) == (8, 6)
    with pytest.raises(ValueError, match="multiples of 128"):
        generator.latent_size(256, 192)
    assert not hasattr(ALIASGenerator, "normal")


@pytest.mark.disagreement("D21")
def test_maps_have_height_before_width() -> None:
    generator = ALIASGenerator(9, 3, (6, 4, 4), hidden=2, mask_norm_blocks=1).eval()
    shapes: list[tuple[int, ...]] = []
    for block in generator.blocks:
        block.register_forward_hook(lambda _module, _args, output: shapes.append(tuple(output.shape)))
    parse = F.one_hot(torch.zeros(1, 16, 12, dtype=torch.long), 3).movedim(-1, 1).float()
    mask = torch.zeros(1, 1, 16, 12)
    image = generator(torch.zeros(1, 9, 16, 12), parse, torch.cat((parse, mask), 1), mask)
    assert shapes == [(1, 6, 4, 3), (1, 4, 8, 6), (1, 4, 16, 12)]  # the notes' order would be (1, 3, 4, 6) ...
    assert image.shape == (1, 3, 16, 12)


@pytest.mark.disagreement("D22")
def test_which_layers_are_spectrally_normalized() -> None:
    def normalized(module: torch.nn.Module) -> set[str]:
        return {
            name
            for name, layer in module.named_modules()
            if isinstance(layer, torch.nn.Conv2d) and parametrize.is_parametrized(layer, "weight")
        }

    discriminator = MultiscaleDiscriminator(4, 8, 3, 1)
    every = {name for name, layer in discriminator.named_modules() if isinstance(layer, torch.nn.Conv2d)}
    first, last = "scales.0.0.0", "scales.0.3"
    assert {first, last} <= every and normalized(discriminator) == every - {first, last}
    generator = ALIASGenerator(9, 3, (6, 4), hidden=2, mask_norm_blocks=1)
    kinds = {name.rpartition(".")[2] for name in normalized(generator)}
    assert kinds == {"conv_0", "conv_1", "conv_s"}  # not the modulations', the entrances and the exit


@pytest.mark.disagreement("D22")
def test_the_norm_of_the_reshaped_weight_is_not_the_convolution_s() -> None:
    weight = torch.full((1, 1, 3, 3), 1 / 3.0)
    assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1)
    flat = torch.ones(1, 1, 40, 30)
    gain = (F.conv2d(flat, weight, padding=1).norm() / flat.norm()).item()
    assert 2.8 < gain < 3


class Twice:
    """An extractor of two maps: the image, and four times the image."""

    name = "twice"

    def maps(self, images: Tensor) -> list[Tensor]:
        return [images, 4 * images]


@pytest.mark.disagreement("D23")
def test_layers_are_weighed_as_in_the_code() -> None:
    torch.manual_seed(0)
    real, fake = ([[torch.randn(1, 2, 4, 3), torch.randn(1, 1, 4, 3)] for _ in range(2)] for _ in range(2))
    sums = [(r[0] - f[0]).abs().mean() for r, f in zip(real, fake, strict=True)]
    torch.testing.assert_close(feature_matching(real, fake), (sums[0] + sums[1]) / 2)  # printed: their sum
    assert spade_weights(5) == (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)
    a, b = torch.rand(1, 3, 5, 4), torch.rand(1, 3, 5, 4)
    printed = perceptual(Twice(), a, b, (1.0, 1.0))
    distance = (a - b).abs().mean()
    torch.testing.assert_close(printed, 5 * distance)
    torch.testing.assert_close(perceptual(Twice(), a, b), (0.25 + 4) * distance)


@pytest.mark.disagreement("D24")
def test_an_unmoved_lattice() -> None:
    zero = torch.zeros(1, 5, 5, 2, dtype=torch.float64)
    identity = coordinate_grid(16, 12, dtype=torch.float64)
    assert torch.equal(lattice_flow(zero, 16, 12)[0], identity)
    released = lattice_flow(released_offsets(zero, 16, 12), 16, 12)[0]
    edges = torch.tensor([12 / 11, 16 / 15], dtype=torch.float64)  # its coordinates count from the pixels' outer edges
    torch.testing.assert_close(released, 0.9 * edges * identity)
    assert (released[0, 0] - identity[0, 0]).abs().max() > 0.015  # the corners fall off: a slight zoom


@pytest.mark.disagreement("D31")
def test_the_pose_is_the_bodys_surface_and_a_drawn_skeleton_is_at_hand() -> None:
    people = World(DataConfig()).paired("test", torch.arange(8))
    task = ALIASTask(ALIASConfig(channels=(4, 4), mask_norm_blocks=1, hidden=4)).eval()
    seen: list[Tensor] = []
    task.generator.inputs[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        task.paint(people)
    pose = seen[0][:, 3:6]
    torch.testing.assert_close(pose, resize_nearest(people.dense_pose, *pose.shape[-2:]))
    drawn = draw_skeleton(people.keypoints, *people.size)
    assert drawn.shape == people.dense_pose.shape
    shares = [(picture > -1).any(1).float().mean() for picture in (drawn, people.dense_pose)]
    assert 0 < shares[0] < shares[1] / 2  # strokes have no width of a limb
