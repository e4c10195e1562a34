"""Inception and LPIPS, for those who have them: adapters around networks that the *user* built.

vtonlib opens no connection and loads no pickle, and the packages below do both when they build their networks (for
instance torch-fidelity 0.4 calls ``torch.load(..., weights_only=False)``). So build them yourself and hand them over::

    from torchmetrics.image.fid import NoTrainInceptionV3           # pip install torch-fidelity
    extractor = InceptionExtractor(NoTrainInceptionV3("inception-v3-compat", ["2048"]))

    from lpips import LPIPS                                         # pip install lpips
    distance = lpips_distance(image, target, LPIPS(net="alex"))

Numbers of published tables are through these networks, on 299x299 enlargements of the images.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class InceptionExtractor:
    """The features of published FID and KID: a :class:`~vtonlib.evaluation.FeatureExtractor` around Inception.

    ``network`` maps images [b 3 h w] of bytes to features [b 2048], as torchmetrics' ``NoTrainInceptionV3`` does.
    """

    name = "inception-v3-compat"
    """What reports call it."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval()

    @torch.no_grad()
    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """The features of images in [-1, 1].

        Raises:
            TypeError: if the network returns anything but one vector per image.
        """
        found = self.network(((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8))
        if not isinstance(found, Tensor) or found.ndim != 2:
            what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise TypeError(f"the Inception network returned {what}, expected a tensor [b d]; use NoTrainInceptionV3")
        return found


@torch.no_grad()
def lpips_distance(
    image: Float[Tensor, "b 3 h w"], target: Float[Tensor, "b 3 h w"], network: nn.Module
) -> Float[Tensor, " b"]:
    """Learned perceptual distance of images in [-1, 1], lower is better, through an ``lpips.LPIPS`` network.

    Source: Zhang et al. 2018, "The unreasonable effectiveness of deep features as a perceptual metric".
    Book: sec-evaluation.
    """
    return network.eval()(image.clamp(-1, 1), target.clamp(-1, 1)).flatten(1).mean(1)
