"""Which patches of two feature maps are compared, and through which attention they are read.

QS-Attn does two things that can be had one without the other. It *selects* the patches whose attention has the lowest
entropy, and it *routes*: what is compared is not a patch but what the patch's row of attention reads from the map, from
source and translation alike. CUT does neither. ``RULES`` names the combinations.

Book: sec-query-selection.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.attention.neighbours import check_maps, check_window, window_record, window_scores, window_values
from vtonlib.attention.record import AttentionRecord

Select = Literal["random", "global", "local"]
"""Which patches: any, or those of the lowest entropy over the whole map or over their windows."""
Route = Literal["none", "global", "local"]
"""What is compared: the patch itself, or what its row of attention reads from the whole map or from its window."""


class PatchPairs(NamedTuple):
    """Patches of two maps at the same places; contrastive learning takes them for keys and queries."""

    source: Float[Tensor, "b m c"]
    """Those of the source: the keys of the loss."""
    translation: Float[Tensor, "b m c"]
    """Those of the translation: the queries of the loss."""
    ids: Int[Tensor, "b m"]
    """Where they are, as numbers of tokens, row by row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySelection:
    """A rule by which patches are selected and routed; ``QuerySelection()`` is QS-Attn's global attention.

    Raises:
        ValueError: naming the field that is out of range.

    Source: QS-Attn, section 3; the released code has every option at its default but ``official_layout``, which is
    on there. Book: sec-query-selection.
    """

    select: Select = "global"
    """Which patches."""
    route: Route = "global"
    """What is compared of them."""
    count: int = 256
    """How many patches; all, where there are fewer."""
    window: int = 7
    """Side of the windows, in patches."""
    official_layout: bool = False
    """Windows as the released code misreads them; see :mod:`vtonlib.attention.neighbours`."""
    scale: float = 1.0
    """Factor of the dot products of features."""
    unit: bool = False
    """Whether the dot products are taken of features of length 1, so that length does not count."""
    detach: bool = False
    """Whether attention is a constant, instead of passing gradients to the source's features."""
    shared: bool = True
    """Whether the translation is read through the source's attention; otherwise through its own, at the same places."""

    def __post_init__(self) -> None:
        for name, values in (("select", get_args(Select)), ("route", get_args(Route))):
            if (value := getattr(self, name)) not in values:
                raise ValueError(f"{name} is {value!r}: expected one of {', '.join(values)}")
        if not isinstance(self.count, int) or self.count < 1:
            raise ValueError(f"count is {self.count}: expected a whole number of at least 1")
        if not 0 < self.scale < math.inf:
            raise ValueError(f"scale is {self.scale}: expected a finite number above 0")
        check_window(self.window)

    def entropy(self, source: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n"]:
        """The entropy by which patches are selected, in nats, without a gradient.

        Raises:
            ValueError: for a rule that selects at random, or maps that are not [b c h w].

        Equation: eq-query-entropy.
        """
        features = self._scored(check_maps(source, "source")).detach()
        if self.select == "global":
            return row_entropy(AttentionRecord.from_features(features, scale=self.scale))[:, 0]
        if self.select == "local":
            scores = window_scores(features, self.window, official_layout=self.official_layout)
            return _entropy_of(scores.mul_(self.scale), dim=1).flatten(1)
        raise ValueError("patches selected at random have no entropy: select is 'random'")

    def choose(
        self, source: Float[Tensor, "b c h w"], *, generator: torch.Generator | None = None
    ) -> Int[Tensor, "b m"]:
        """The patches of each image, of the lowest entropy first; among equals, the first in the map comes first.

        Random patches are the same for all images of a batch, as in CUT. Equation: eq-query-choice.

        Raises:
            ValueError: where entropies are NaN, as of features that are not finite, or maps are not [b c h w].
        """
        if self.select != "random":
            if (entropy := self.entropy(source)).isnan().any():
                raise ValueError("the source's entropies hold NaN: expected finite features")
            return entropy.argsort(dim=-1, stable=True)[:, : self.count]
        device = source.device if generator is None else generator.device
        order = torch.randperm(check_maps(source, "source").shape[-2:].numel(), generator=generator, device=device)
        return order[: self.count].to(source.device).expand(len(source), -1)

    def read(
        self,
        source: Float[Tensor, "b c h w"],
        translation: Float[Tensor, "b c h w"],
        ids: Int[Tensor, "b m"],
    ) -> PatchPairs:
        """What is compared of these patches. Gradients reach the translation, the source, and both through attention.

        Raises:
            ValueError: where maps are not [b c h w] or differ in shape, or ids name patches that are not there.

        Equation: eq-query-routing.
        """
        if source.shape != translation.shape:
            found = f"{tuple(source.shape)} and {tuple(translation.shape)}"
            raise ValueError(f"source and translation are {found}: expected the same shape")
        tokens = check_maps(source, "source").shape[-2:].numel()
        if ids.numel() and not 0 <= (low := int(ids.min())) <= int(ids.max()) < tokens:
            raise ValueError(f"ids run from {low} to {int(ids.max())}: expected 0 to {tokens - 1}")
        source, translation = (maps.contiguous(memory_format=torch.channels_last) for maps in (source, translation))
        attention = self.attention(source, ids)  # the kernels would copy tokens that are strided, for each reading
        other = attention if self.shared else self.attention(translation, ids)
        return PatchPairs(self._read(source, ids, attention), self._read(translation, ids, other), ids)

    def pair(
        self,
        source: Float[Tensor, "b c h w"],
        translation: Float[Tensor, "b c h w"],
        *,
        generator: torch.Generator | None = None,
    ) -> PatchPairs:
        """Choose by the source, and read both.

        Raises:
            ValueError: as :meth:`read`.
        """
        return self.read(source, translation, self.choose(source, generator=generator))

    def attention(self, features: Float[Tensor, "b c h w"], ids: Int[Tensor, "b m"]) -> AttentionRecord | None:
        """The attention through which these patches are read (A_QS): a row for each, a head for each window, or none.

        None stands for ``route="none"``.
        """
        scored = self._scored(check_maps(features, "features"))
        if self.route == "global":
            return AttentionRecord.from_features(scored, scale=self.scale).select(ids)
        if self.route == "local":
            return window_record(scored, ids, self.window, scale=self.scale, official_layout=self.official_layout)
        return None

    def _scored(self, features: Tensor) -> Tensor:
        """The features of which dot products are taken."""
        features = features.detach() if self.detach else features
        return F.normalize(features, dim=1) if self.unit else features

    def _read(self, features: Tensor, ids: Tensor, attention: AttentionRecord | None) -> Tensor:
        if attention is None:
            tokens = features.flatten(2).mT
            return tokens.gather(1, ids[..., None].expand(-1, -1, tokens.shape[-1]))
        if self.route == "global":
            return attention.read(features.flatten(2).mT[:, None])[:, 0]
        return attention.read(window_values(features, ids, self.window, official_layout=self.official_layout))[:, :, 0]


RULES: Mapping[str, QuerySelection] = MappingProxyType(
    {
        "cut": QuerySelection(select="random", route="none"),
        "global": QuerySelection(),
        "local": QuerySelection(select="local", route="local"),
        "local_global": QuerySelection(select="local", route="global"),
        "selection_only": QuerySelection(route="none"),
        "routing_only": QuerySelection(select="random"),
    }
)
"""The rules by name: CUT's, the three of QS-Attn, and each of the two operations alone."""


@torch.no_grad()
def row_entropy(record: AttentionRecord, *, entries_per_chunk: int = 2**20) -> Float[Tensor, "b heads nq"]:
    """The entropy of every row, in nats, without a gradient: some rows at a time, and exact for rows of one weight.

    :meth:`AttentionRecord.entropy <vtonlib.attention.record.AttentionRecord.entropy>` has a gradient, for which it
    takes the difference of two numbers of the size of the logits. Raw features have logits of hundreds, and there what
    is selected would be rounding. Here both terms of ln Z + sum p (max x - x) are positive.

    Where queries and keys are the same tensor, the logits are symmetric, and half of the products do for all.

    Args:
        record: the attention.
        entries_per_chunk: how many entries of a head's map exist at once, unless a row has more.

    Book: sec-query-selection.
    """
    dtype = torch.promote_types(torch.promote_types(record.query.dtype, record.key.dtype), torch.float32)
    query, key, same = record.query.to(dtype), record.key.to(dtype).mT, record.query is record.key
    rows, (*front, queries), keys = max(entries_per_chunk // key.shape[-1], 1), query.shape[:3], key.shape[-1]
    buffers = [query.new_empty(*front, min(rows, queries), keys) for _ in range(2)]
    sums = query.new_zeros(3, *front, queries)
    sums[0] = torch.finfo(dtype).min
    with torch.autocast(key.device.type, enabled=False):
        for start in range(0, queries, rows):
            stop, first = min(start + rows, queries), start if same else 0
            logits = record.scale * query[:, :, start:stop] @ key[..., first:]
            lent = [buffer[..., : stop - start, first:] for buffer in buffers]
            _gather(sums[..., start:stop], logits, *lent, dim=-1)
            if same and stop < queries:
                _gather(sums[..., stop:], *(part[..., stop - first :] for part in (logits, *lent)), dim=-2)
    return sums[1].log() + sums[2] / sums[1]


def _gather(sums: Tensor, logits: Tensor, below: Tensor, weights: Tensor, *, dim: int) -> None:
    """Add logits x to what is known of their rows: max x, and the sums of w = exp(x - max x) and of w (max x - x).

    ``below`` and ``weights`` lend their memory: new memory for each chunk would not be given back while a small result
    lies behind it.
    """
    old, total, moment = sums.unbind()
    top = torch.maximum(old, logits.amax(dim))
    kept = total * (old - top).exp()
    torch.sub(top.unsqueeze(dim), logits, out=below)
    torch.exp(torch.neg(below, out=weights), out=weights)
    sums[1], sums[2] = (
        kept + weights.sum(dim),
        moment * (old - top).exp() + kept * (top - old) + weights.mul_(below).sum(dim),
    )
    sums[0] = top


def _entropy_of(logits: Tensor, dim: int) -> Tensor:
    """ln Z + sum p (max x - x); overwrites the logits."""
    logits -= logits.amax(dim, keepdim=True)
    weights = logits.exp()
    total = weights.sum(dim)
    return total.log() - weights.mul_(logits).sum(dim) / total
