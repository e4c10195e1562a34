"""SPADE's other options: the start from a style, kernels of 1 and 5, encoders, discriminators of every norm.

No golden covers these, so the references here are written anew, from the description of the release, with its key names
and torch's old spectral norm.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from gan_goldens import Golden
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

from vtonlib.grids import resize_nearest
from vtonlib.models.discriminator import MultiscaleDiscriminator
from vtonlib.models.normalization import to_hook_key
from vtonlib.models.spade import SPADEGenerator
from vtonlib.models.style import StyledSPADEGenerator, StyleEncoder
from vtonlib.official import load
from vtonlib.official.keys import BLOCKS
from vtonlib.official.spade import smallest_map

LEAKY = 0.2


def randomized(module: nn.Module) -> nn.Module:
    """Weights that matter, running statistics and singular vectors after a step of training; evaluation mode."""
    torch.manual_seed(0)
    for name, parameter in module.named_parameters():
        nn.init.normal_(parameter, 1.0 if name.endswith("1.weight") else 0.0, 0.3)
    return module.train()


def official_keys(generator: nn.Module) -> dict[str, Tensor]:
    """The state of one of our generators under the keys of the release."""
    state = {}
    for key, value in generator.state_dict().items():
        parts = to_hook_key(key).split(".")
        parts = [BLOCKS[int(parts[1])], *parts[2:]] if parts[0] == "blocks" else parts
        state[".".join(parts).replace("modulation.shared.", "mlp_shared.0.").replace("modulation.", "mlp_")] = value
    return state


class Norm(nn.Module):
    """SPADE with kernels of k: gamma and beta from two convolutions, of the nearest-resized label map."""

    def __init__(self, features: int, labels: int, k: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(labels, 128, k, padding=k // 2), nn.ReLU())
        self.mlp_gamma, self.mlp_beta = (nn.Conv2d(128, features, k, padding=k // 2) for _ in range(2))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        hidden = self.mlp_shared(F.interpolate(labels, x.shape[2:], mode="nearest"))
        return F.instance_norm(x) * (1 + self.mlp_gamma(hidden)) + self.mlp_beta(hidden)


@pytest.mark.parametrize("k", [1, 5])
def test_kernels_of_another_size(k: int) -> None:
    ours = SPADEGenerator(4, 2, kernel_size=k).eval()
    state = official_keys(ours)
    loaded = load("spade", state)
    assert isinstance(loaded, SPADEGenerator) and loaded.blocks[0].kernel_size == k
    labels = torch.eye(4)[torch.randint(4, (1, 64, 128)) // 2 * 2].movedim(-1, 1)  # few patterns, were they looked for
    labels = resize_nearest(resize_nearest(labels, 4, 8), 64, 128)
    reference = Norm(32, 4, k)
    reference.load_state_dict(
        {n[len("head_0.norm_0.") :]: v for n, v in state.items() if n.startswith("head_0.norm_0.")}
    )
    x = torch.randn(1, 32, 16, 32)
    block = loaded.blocks[0]
    torch.testing.assert_close(block.norm_0(x, labels), reference(x, labels), atol=1e-5, rtol=1e-5)
    assert torch.equal(loaded(labels), ours(labels))


@pytest.mark.parametrize("aspect_ratio", [1.0, 2.0])
def test_the_start_from_a_style(aspect_ratio: float) -> None:
    """The released ladder under another start: equal to the golden's own blocks, fed with that start's map."""
    golden, size = Golden("spade_generator_normal"), {1.0: (2, 2), 2.0: (1, 2)}[aspect_ratio]
    plain = load("spade", golden.state)
    width, pixels = 16, size[0] * size[1]
    torch.manual_seed(0)
    fc = {"fc.weight": torch.randn(width * pixels, 7), "fc.bias": torch.randn(width * pixels)}
    styled = load("spade", {**golden.state, **fc}, aspect_ratio=aspect_ratio)
    assert isinstance(styled, StyledSPADEGenerator) and styled.size == (32 * size[0], 32 * size[1])
    style = torch.randn(3, 7)
    labels = torch.eye(5)[torch.randint(5, (3, *styled.size))].movedim(-1, 1)
    start = F.linear(style, fc["fc.weight"], fc["fc.bias"]).view(3, width, *size)
    with torch.no_grad():
        torch.testing.assert_close(styled(labels, style), plain.climb(start, labels))


def test_more_is_told_by_name() -> None:
    ours = SPADEGenerator(4, 2, upsampling="more")
    loaded = load("spade", official_keys(ours), upsampling="more")
    assert loaded.flat == ours.flat == (0,) and loaded.doublings == 6
    with pytest.raises(ValueError, match="'most', but there is no eighth block"):
        load("spade", official_keys(ours), upsampling="most")


def test_the_smallest_map() -> None:
    assert smallest_map(16, 1.0) == (4, 4) and smallest_map(128, 2.0) == (8, 16) and smallest_map(12, 0.75) == (4, 3)
    with pytest.raises(ValueError, match="give aspect_ratio"):
        smallest_map(12, 1.0)


class Encoder(nn.Module):
    """The released encoder: six spectrally normalized convolutions without bias, instance norm, leaky ReLU."""

    def __init__(self, width: int, style: int) -> None:
        super().__init__()
        widths = [3, *(width * m for m in (1, 2, 4, 8, 8, 8))]
        for i in range(6):
            conv = spectral_norm(nn.Conv2d(widths[i], widths[i + 1], 3, 2, 1, bias=False))
            setattr(self, f"layer{i + 1}", nn.Sequential(conv, nn.InstanceNorm2d(widths[i + 1])))
        self.fc_mu, self.fc_var = (nn.Linear(widths[-1] * 16, style) for _ in range(2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for i in range(6):
            x = F.leaky_relu(getattr(self, f"layer{i + 1}")(x), LEAKY)
        return self.fc_mu(x.flatten(1)), self.fc_var(x.flatten(1))


def test_the_encoder_of_styles() -> None:
    reference = randomized(Encoder(2, 5))
    image = torch.rand(2, 3, 256, 256) * 2 - 1
    reference(image)
    reference.eval()
    ours = load("spade_encoder", reference.state_dict())
    assert isinstance(ours, StyleEncoder) and ours.size == (256, 256)
    with torch.no_grad():
        for one, other in zip(ours(image), reference(image), strict=True):
            torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


class Discriminator(nn.Module):
    """The released discriminator; ``norm`` is what follows "spectral" in its option norm_D."""

    def __init__(self, norm: str, inputs: int = 4, width: int = 3, scales: int = 2) -> None:
        super().__init__()
        for i in range(scales):
            self.add_module(f"discriminator_{i}", self.one(norm, inputs, [width, width * 2, width * 4, width * 4]))

    def one(self, norm: str, inputs: int, widths: list[int]) -> nn.Module:
        net = nn.Module()
        net.model0 = nn.Sequential(nn.Conv2d(inputs, widths[0], 4, 2, 2), nn.LeakyReLU(LEAKY))
        for n in (1, 2, 3):
            conv = spectral_norm(nn.Conv2d(widths[n - 1], widths[n], 4, 1 if n == 3 else 2, 2, bias=norm == "none"))
            norms = {"instance": nn.InstanceNorm2d, "batch": nn.BatchNorm2d}
            layer = nn.Sequential(conv, norms[norm](widths[n])) if norm in norms else conv
            setattr(net, f"model{n}", nn.Sequential(layer, nn.LeakyReLU(LEAKY)))
        net.model4 = nn.Sequential(nn.Conv2d(widths[3], 1, 4, 1, 2))
        return net

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        results = []
        for net in self.children():
            outputs, hidden = [], x
            for n in range(5):
                hidden = getattr(net, f"model{n}")(hidden)
                outputs.append(hidden)
            results.append(outputs)
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return results


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_discriminators_of_every_norm(norm: str) -> None:
    reference = randomized(Discriminator(norm))
    x = torch.randn(3, 4, 48, 40)
    reference(x)
    reference.eval()
    ours = load("spade_discriminator", reference.state_dict())
    assert isinstance(ours, MultiscaleDiscriminator) and not ours.training
    with torch.no_grad():
        for scale, other in zip(ours(x), reference(x), strict=True):
            for one, wanted in zip(scale, other, strict=True):
                torch.testing.assert_close(one, wanted, atol=1e-4, rtol=1e-4)


def test_the_released_discriminator_by_its_golden() -> None:
    golden = Golden("multiscale_d_instance")
    ours = load("spade_discriminator", golden.state)
    labels = F.one_hot(golden["labels"].long().squeeze(1), 5).movedim(-1, 1).float()
    for scale, outputs in enumerate(ours(torch.cat((labels, golden["fake"]), dim=1))):
        golden.check(f"fake.d{scale}.l4", outputs[4])


def test_another_norm_is_refused() -> None:
    with pytest.raises(ValueError, match="expected instance, batch or none"):
        MultiscaleDiscriminator(4, 2, norm="layer")
    with pytest.raises(ValueError, match="kernel_size is 4"):
        SPADEGenerator(4, 2, kernel_size=4)


@pytest.mark.parametrize("name", ["spade_encoder", "spade_discriminator"])
def test_other_weights_are_errors(name: str) -> None:
    with pytest.raises(ValueError, match=f"not the weights of {name}"):
        load(name, {"fc.weight": torch.zeros(1)})
