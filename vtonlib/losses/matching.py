"""What teaches a matcher where to look: the colours it copies must be the person's."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord
from vtonlib.attention.rows import masked_rows
from vtonlib.grids import masked_mean, resize_image


def colour_copying(
    copied: Float[Tensor, "b 3 h w"], person: Float[Tensor, "b 3 h w"], garment_region: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, ""]:
    """The mean squared difference of the copied garment and the person where the garment is worn; images in [-1, 1].

    No true correspondence is used. Where the garment has one colour every place is as good as another, and nothing
    is learned; an empty region gives 0 with gradient 0.

    Book: sec-matcher.
    """
    return masked_mean((copied - person).square(), garment_region)


def record_copying(
    record: AttentionRecord,
    garment: Float[Tensor, "b 3 H W"],
    person: Float[Tensor, "b 3 H W"],
    mask: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, ""]:
    """:func:`colour_copying` of what an attention would copy, token by token, without a matcher that paints it.

    Both pictures are read as the mean colours of the lattices' tokens; images in [-1, 1].

    Args:
        record: an attention with one lattice of keys, its graph kept.
        garment: the picture behind the keys.
        person: the picture that the copy should equal, behind the queries.
        mask: the weight of each query; all 0 gives 0 with gradient 0.

    Raises:
        ValueError: where ``mask`` is not on the lattice of the queries.

    Book: sec-descend-a-map.
    """
    rows = masked_rows(record, mask)
    colours = resize_image(garment, *record.key_grid).flatten(2).mT
    copied = rows.scatter(rows.record.read(colours[:, None]).mean(1)).movedim(-1, 1)
    return colour_copying(copied, resize_image(person, *record.query_grid), mask.to(copied.dtype))
