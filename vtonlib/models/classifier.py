"""A small classifier of the world's images, whose features serve FID and KID under the name ``vtonlib-classifier``.

Inception's features were learned on photographs and have to be downloaded; these know the garments of our world and
are shipped. Numbers through the one cannot be compared with numbers through the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vtonlib.disk import whole_file
from vtonlib.grids import resize_image

SIZE = (64, 48)
"""(height, width) to which images are brought first, so that distances at all sizes mean the same."""
SHIPPED = Path(__file__).resolve().parents[1] / "weights" / "classifier.safetensors"


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    """Half the resolution, then one more look at it."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1),
        nn.GroupNorm(8, outputs),
        nn.SiLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.GroupNorm(8, outputs),
        nn.SiLU(),
    )


class WorldClassifier(nn.Module):
    """Predicts several attributes of an image, such as the kind of garment and of texture.

    ``attributes`` names the classes of each attribute, in the order of its logits.

    Book: sec-evaluation.
    """

    name = "vtonlib-classifier"
    """What reports call it."""

    def __init__(
        self, attributes: Mapping[str, tuple[str, ...]], *, channels: tuple[int, ...] = (16, 32, 64), width: int = 64
    ) -> None:
        super().__init__()
        self.attributes = {name: tuple(classes) for name, classes in attributes.items()}
        self.channels, self.width = tuple(channels), width
        self.stages = nn.Sequential(*(_stage(i, o) for i, o in zip((3, *channels), channels, strict=False)))
        self.project = nn.Linear(2 * channels[-1], width)
        self.heads = nn.ModuleDict({name: nn.Linear(width, len(c)) for name, c in self.attributes.items()})

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b width"]:
        """The vector before the last layer, of images of any size in [-1, 1].

        Its mean is 0 and its mean square 1, so that FID lies below 4 width and the kernel of KID below 8.
        """
        maps = self.stages(resize_image(images, *SIZE))
        pooled = torch.cat((maps.mean((2, 3)), maps.amax((2, 3))), dim=1)
        return nn.functional.layer_norm(self.project(pooled), (self.width,))

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> dict[str, Float[Tensor, "b classes"]]:
        """The logits of each attribute."""
        hidden = nn.functional.silu(self.features(images))
        return {name: head(hidden) for name, head in self.heads.items()}

    def shows(self, images: Float[Tensor, "b 3 h w"], texture: str) -> Bool[Tensor, " b"]:
        """Of which images the garment's texture is taken for this one.

        Raises:
            ValueError: for a texture that it does not know, listing those that it does.
        """
        known = self.attributes["texture"]
        if texture not in known:
            raise ValueError(f"texture is {texture!r}: expected one of {', '.join(known)}")
        return self(images)["texture"].argmax(1) == known.index(texture)


def save_classifier(classifier: WorldClassifier, path: Path) -> None:
    """Write weights and classes into one safetensors file; an older file is replaced only by a whole one."""
    shape = {"attributes": classifier.attributes, "channels": classifier.channels, "width": classifier.width}
    state = {name: value.detach().cpu().contiguous() for name, value in classifier.state_dict().items()}
    with whole_file(path) as temporary:
        save_file(state, temporary, metadata={"classifier": json.dumps(shape)})


def load_classifier(path: Path = SHIPPED) -> WorldClassifier:
    """The classifier that :func:`save_classifier` wrote (the shipped one unless told), frozen, in evaluation mode.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a classifier of vtonlib.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file. The weights come with vtonlib; train them anew with "
            "`python -m vtonlib train classifier`, or evaluate without FID and KID"
        )
    try:
        with safe_open(path, framework="pt") as file:
            shape = json.loads((file.metadata() or {})["classifier"])
            state = {name: file.get_tensor(name) for name in file.keys()}
        classifier = WorldClassifier(shape["attributes"], channels=tuple(shape["channels"]), width=shape["width"])
        classifier.load_state_dict(state)
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path}: not a classifier of vtonlib ({type(error).__name__}: {error})") from None
    return classifier.requires_grad_(False).eval()
