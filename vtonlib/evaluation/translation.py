"""How good an unpaired translation is: has what should change become like the target, and is the rest as it was?

There is no true picture to compare with: nothing says which pattern a plain top should get. So a translation is held
against the *set* of the target's pictures (FID, KID, how strong texture is, whether a classifier sees the pattern), and
outside the top against its own source. The picture that the world knows, the same person with the pattern on, stands
among the references.

Book: sec-query-selection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vtonlib.data.domains import UnpairedBatch
from vtonlib.evaluation.bootstrap import Interval, bootstrap_interval
from vtonlib.evaluation.distribution import FeatureExtractor, extract, frechet_distance, kernel_distance
from vtonlib.evaluation.fabrics import texture_energy
from vtonlib.evaluation.image import l1, ssim
from vtonlib.evaluation.report import Cell, Metric, Row, Table

TEXTURE, PATTERNED, FID, KID = "texture", "patterned", "FID", "KID"
OUTSIDE_L1, OUTSIDE_SSIM = "outside L1", "outside SSIM"
UNCHANGED = "source, unchanged"
"""The row that translates nothing."""
TARGETS = "target domain"
"""The row of the target's own pictures: what its people's tops look like."""


def translation_scores(
    image: Float[Tensor, "b 3 h w"], source: Float[Tensor, "b 3 h w"], region: Float[Tensor, "b 1 h w"]
) -> dict[str, Float[Tensor, " b"]]:
    """The texture inside ``region``, and what was changed outside of it: numbers for each sample, by name.

    The texture is the root mean square of what differs from the local mean, in units of [-1, 1]. Outside means pixels
    that the region does not touch; for the SSIM the source is put in place of the region, so that no window sees what
    should change.

    Raises:
        ValueError: if the shapes do not agree.

    Book: sec-query-selection.
    """
    outside = (region == 0).to(image.dtype)
    return {
        TEXTURE: texture_energy(image.clamp(-1, 1), region).sqrt(),
        OUTSIDE_L1: l1(image, source, outside),
        OUTSIDE_SSIM: ssim(torch.lerp(source, image, outside), source, outside),
    }


class TranslationEvaluation:
    """Collects the scores of translations over batches, and makes the table of them.

    Args:
        split: how the table calls the examples.
        extractor: gives the features of FID and KID, both against the batches' targets.
        patterned: tells of which images [b 3 h w] the top shows the target's pattern.

    Book: sec-query-selection.
    """

    def __init__(
        self,
        split: str,
        *,
        extractor: FeatureExtractor,
        patterned: Callable[[Float[Tensor, "b 3 h w"]], Bool[Tensor, " b"]],
    ) -> None:
        self.split, self.extractor, self.patterned = split, extractor, patterned
        self._scores: dict[str, dict[str, list[Tensor]]] = defaultdict(lambda: defaultdict(list))
        self._features: dict[str, list[Tensor]] = defaultdict(list)
        self._kinds: dict[str, Literal["model", "baseline"]] = {}

    @torch.no_grad()
    def add(
        self,
        batch: UnpairedBatch,
        translations: Mapping[str, Float[Tensor, "b 3 h w"]],
        references: Mapping[str, Float[Tensor, "b 3 h w"]],
    ) -> None:
        """Score a batch: translations of its sources by method, and ``references``, which stand among the baselines.

        Raises:
            ValueError: if a method or a reference has the name of another row.
        """
        own = {UNCHANGED: batch.source}
        if clash := sorted({*translations} & {*references} | {*translations, *references} & {UNCHANGED, TARGETS}):
            raise ValueError(f"'{clash[0]}' is the name of another row; call the method something else")
        for kind, images in (("model", translations), ("baseline", own | {**references})):
            for method, image in images.items():
                scores = translation_scores(image, batch.source, batch.source_region)
                self._add(kind, method, image, scores)  # type: ignore[arg-type]
        texture = translation_scores(batch.target, batch.target, batch.target_region)[TEXTURE]
        self._add("baseline", TARGETS, batch.target, {TEXTURE: texture})

    def _add(self, kind: Literal["model", "baseline"], method: str, image: Tensor, scores: dict[str, Tensor]) -> None:
        self._kinds[method] = kind
        for name, values in (scores | {PATTERNED: self.patterned(image).float()}).items():
            self._scores[method][name].append(values.cpu())
        self._features[method].append(extract(self.extractor, [image]))

    def table(self) -> Table:
        """The table of everything added so far; models first.

        Raises:
            ValueError: if nothing was added.
        """
        if not self._kinds:
            raise ValueError(f"nothing was added to the evaluation of the split '{self.split}'")
        columns = (
            Metric(TEXTURE, "of the target's", "one", 2),
            Metric(PATTERNED, "share", "higher"),
            Metric(FID, self.extractor.name, "lower"),
            Metric(KID, self.extractor.name, "lower", 4),
            Metric(OUTSIDE_L1, "of [-1, 1]", "lower"),
            Metric(OUTSIDE_SSIM, "", "higher"),
        )
        methods = sorted(self._kinds, key=lambda method: self._kinds[method] == "baseline")
        rows = tuple(
            Row(method, self._kinds[method], tuple(self._cell(method, column.name) for column in columns))
            for method in methods
        )
        return Table(self.split, columns, rows, UNCHANGED)

    def _cell(self, method: str, metric: str) -> Cell:
        if metric not in (FID, KID):
            if not (found := self._scores[method].get(metric)):
                return None
            values = torch.cat(found)
            return bootstrap_interval(values / self._target_texture() if metric == TEXTURE else values)
        made, real = torch.cat(self._features[method]), torch.cat(self._features[TARGETS])
        if method == TARGETS or len(real) < 2:
            return None
        distance = frechet_distance(made, real) if metric == FID else kernel_distance(made, real).mean
        return Interval(distance, n=len(made))

    def _target_texture(self) -> Tensor:
        """The mean texture of the target's tops."""
        return torch.cat(self._scores[TARGETS][TEXTURE]).nanmean()
