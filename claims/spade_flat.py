"""Does a label survive? A label map at the input of a normalizing network against SPADE: on people, on flat maps.

Trained in double precision: rounding would otherwise grow over the steps until seeds differ between processors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vtonlib.config import DataConfig
from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.world import World
from vtonlib.models.normalization import SPADE

STEPS, BATCH, WIDTH, HIDDEN, LABELS = 100, 16, 24, 16, len(PARSE_LABELS)
SIZE = 32, 24
PARTS = ("train", torch.arange(256)), ("test", torch.arange(64))


class AtTheInput(nn.Sequential):
    """The label map goes in at the front; instance norm follows each convolution but the last."""

    def __init__(self, padding: str) -> None:
        def conv(into: int, out: int) -> nn.Module:
            return nn.Conv2d(into, out, 3, padding=1, padding_mode=padding)

        super().__init__(
            *(conv(LABELS, WIDTH), nn.InstanceNorm2d(WIDTH), nn.ReLU()),
            *(conv(WIDTH, WIDTH), nn.InstanceNorm2d(WIDTH), nn.ReLU()),
            *(conv(WIDTH, 3), nn.Tanh()),
        )


class InEveryNorm(nn.Module):
    """The picture starts as a constant; the label map enters through SPADE, before each convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(1, WIDTH, 1, 1))
        self.norms = nn.ModuleList(SPADE(WIDTH, LABELS, hidden=HIDDEN) for _ in range(2))
        self.convs = nn.ModuleList(nn.Conv2d(WIDTH, out, 3, padding=1) for out in (WIDTH, 3))

    def forward(self, labels: Tensor) -> Tensor:
        x = self.start.expand(len(labels), -1, *labels.shape[-2:])
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = conv(norm(x, labels).relu())
        return x.tanh()


def mirrored(net: AtTheInput) -> AtTheInput:
    """The same weights with mirrored borders in place of zeros."""
    other = AtTheInput("reflect").double()
    other.load_state_dict(net.state_dict())
    return other


def palette(generator: torch.Generator) -> Tensor:
    """A colour for each label, far from the others: corners, edges and faces of a cube, in random order."""
    level = torch.tensor([-0.8, 0.0, 0.8], dtype=torch.float64)
    return torch.cartesian_prod(level, level, level)[torch.randperm(27, generator=generator)[:LABELS]]


def flat(height: int, width: int) -> Tensor:
    """One map for each label, which has that label everywhere."""
    return torch.eye(LABELS, dtype=torch.float64)[:, :, None, None].expand(-1, -1, height, width)


@torch.no_grad()
def right(net: nn.Module, labels: Tensor, colours: Tensor) -> float:
    """Share of the pixels whose painted colour is nearest to that of their own label."""
    nearest = torch.cdist(net(labels).flatten(2).mT, colours).argmin(-1)
    return float((nearest == labels.argmax(1).flatten(1)).float().mean())


def train(net: nn.Module, people: Tensor, colours: Tensor, generator: torch.Generator, steps: int = STEPS) -> None:
    """Half of each batch are people, half flat maps; the loss is the squared error of the colour."""
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(steps):
        some, one = (torch.randint(n, (BATCH // 2,), generator=generator) for n in (len(people), LABELS))
        labels = torch.cat((people[some], flat(*SIZE)[one]))
        loss = (net(labels) - torch.einsum("bkhw,kc->bchw", labels, colours)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def measure(seed: int) -> dict[str, float]:
    """Shares of right pixels of three networks, on unseen people and on flat maps, also larger than in training."""
    world, generator = World(DataConfig(seed=seed, height=SIZE[0], width=SIZE[1])), torch.Generator().manual_seed(seed)
    people, unseen = (world.paired(*part).parse.double() for part in PARTS)
    colours = palette(generator)
    found = {"chance": 1 / LABELS}
    for name, make in (
        ("mirrored", lambda: AtTheInput("reflect")),
        ("zeros", lambda: AtTheInput("zeros")),
        ("spade", InEveryNorm),
    ):
        torch.manual_seed(seed)
        net = make().double()
        train(net, people, colours, generator)
        found |= {f"people_{name}": right(net, unseen, colours), f"flat_{name}": right(net, flat(*SIZE), colours)}
        if name == "zeros":
            found["flat_unframed"] = right(mirrored(net), flat(*SIZE), colours)
        if name != "mirrored":  # large maps in single precision: nothing is trained on them
            net.float()
            for times in (4, 8):
                large = flat(times * SIZE[0], times * SIZE[1]).float()
                found[f"flat{times}_{name}"] = right(net, large, colours.float())
    people = [found[f"people_{name}"] for name in ("mirrored", "zeros", "spade")]
    return found | {"people_gap": max(people) - min(people), "faded": found["flat_zeros"] - found["flat8_zeros"]}
