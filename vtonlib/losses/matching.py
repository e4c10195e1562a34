"""What teaches a matcher where to look: the colours it copies must be the person's."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from vtonlib.grids import masked_mean


def colour_copying(
    copied: Float[Tensor, "b 3 h w"], person: Float[Tensor, "b 3 h w"], garment_region: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, ""]:
    """The mean squared difference of the copied garment and the person where the garment is worn; images in [-1, 1].

    No true correspondence is used. Where the garment has one colour every place is as good as another, and nothing
    is learned; an empty region gives 0 with gradient 0.

    Book: sec-matcher.
    """
    return masked_mean((copied - person).square(), garment_region)
