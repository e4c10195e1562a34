"""What a matcher learns from, as a loss on any attention record: the colours that it copies must be the person's.

Book: sec-descend-a-map.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord
from vtonlib.attention.rows import masked_rows
from vtonlib.grids import resize_image


def record_copying(
    record: AttentionRecord,
    garment: Float[Tensor, "b 3 H W"],
    person: Float[Tensor, "b 3 H W"],
    mask: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, ""]:
    """The mean squared difference of the colours that rows inside ``mask`` copy and the person's; images in [-1, 1].

    Both pictures are read as the mean colours of the lattices' tokens. As
    :func:`vtonlib.losses.matching.colour_copying`, for a record instead of a matcher.

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
    value = resize_image(garment, *record.key_grids[0]).flatten(2).mT
    wanted = resize_image(person, *record.query_grid).flatten(2).mT
    wanted = wanted.gather(1, rows.tokens[..., None].expand(-1, -1, 3))
    copied = rows.record.read(value[:, None]).mean(1)
    return rows.mean((copied - wanted).square().mean(-1))
