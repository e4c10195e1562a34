"""From batches to a table: every method, and always every baseline, scored on the same examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.data.batch import TryOnBatch
from vtonlib.evaluation.baselines import CHANCE, baseline_flows, baseline_images
from vtonlib.evaluation.bootstrap import Interval, bootstrap_interval
from vtonlib.evaluation.correspondence import attention_mass, coverage, end_point_error, mirror_swap_rate, pck
from vtonlib.evaluation.distribution import FeatureExtractor, extract, frechet_distance, kernel_distance
from vtonlib.evaluation.fabrics import COLOUR, GARMENT_SSIM, TEXTURE, fabric_tables, garment_scores, geometric_interval
from vtonlib.evaluation.image import l1, psnr, ssim_map
from vtonlib.evaluation.pretrained import lpips_distance
from vtonlib.evaluation.report import Cell, Metric, Row, Table
from vtonlib.grids import masked_mean_per_sample, resize_flow

EPE, EPE_SHARE, EPE_TOKENS = "EPE", "EPE of height", "EPE tokens"
PCK, SWAP, COVERAGE = "PCK@0.05", "mirror swaps", "coverage"
MASS, MASKED_SSIM, SSIM, PSNR, MASKED_L1 = "attention mass", "masked SSIM", "SSIM", "PSNR", "masked L1"
LPIPS, FID, KID = "LPIPS", "FID", "KID"
MASS_RADIUS = 1.5
"""Key tokens: the nearest one and its eight neighbours."""
PCK_SHARE = 0.05
"""Threshold of PCK as a share of the longer side of the image, as in Yang & Ramanan."""


def metrics(tokens: Grid, extractor: str) -> tuple[Metric, ...]:
    """The columns of a table, in order; LPIPS comes last, where there is a network for it."""
    return (
        Metric(EPE, "pixels", "lower", 2),
        Metric(EPE_SHARE, "%", "lower", 1),
        Metric(EPE_TOKENS, f"steps of {tokens.height}x{tokens.width}", "lower", 2),
        Metric(PCK, "share", "higher"),
        Metric(SWAP, "share", "lower"),
        Metric(COVERAGE, f"share of {tokens.height}x{tokens.width}", "higher"),
        Metric(MASS, f"within {MASS_RADIUS} own tokens", "higher"),
        Metric(MASKED_SSIM, "", "higher"),
        Metric(SSIM, "", "higher"),
        Metric(PSNR, "dB", "higher", 2),
        Metric(MASKED_L1, "of [-1, 1]", "lower"),
        Metric(GARMENT_SSIM, "", "higher"),
        Metric(TEXTURE, "painted to true", "one", 2),
        Metric(COLOUR, "of [-1, 1]", "lower"),
        Metric(FID, extractor, "lower"),
        Metric(KID, extractor, "lower", 4),
    )


def correspondence_scores(
    flow: Float[Tensor, "b h w 2"], batch: TryOnBatch, tokens: Grid
) -> dict[str, Float[Tensor, " b"]]:
    """All metrics of a flow (on any lattice) against the batch's truth, one number per sample and metric.

    Book: sec-evaluation.
    """
    flow, truth = resize_flow(flow, *batch.size), (batch.flow, batch.flow_mask)
    return {
        EPE: end_point_error(flow, *truth, lattice=batch.size),
        EPE_TOKENS: end_point_error(flow, *truth, lattice=tokens),
        PCK: pck(flow, *truth, [PCK_SHARE * max(batch.size)], lattice=batch.size)[:, 0],
        SWAP: mirror_swap_rate(flow, *truth),
        COVERAGE: coverage(flow, *truth, lattice=tokens),
    }


def image_scores(
    image: Float[Tensor, "b 3 h w"], batch: TryOnBatch, lpips: nn.Module | None = None
) -> dict[str, Float[Tensor, " b"]]:
    """All metrics of an image against the true person; "masked" means inside the agnostic mask.

    A sample whose garment region is empty has no true image (unpaired photographs): all its scores are NaN.

    Book: sec-evaluation.
    """
    similarity, mask = ssim_map(image, batch.person), batch.agnostic_mask
    scores = {
        MASKED_SSIM: masked_mean_per_sample(similarity, mask),
        SSIM: similarity.flatten(1).mean(1),
        PSNR: psnr(image, batch.person),
        MASKED_L1: l1(image, batch.person, mask),
        **garment_scores(image, batch),
    }
    if lpips is not None:
        scores[LPIPS] = lpips_distance(image, batch.person, lpips)
    unknown = (batch.garment_region.flatten(1).sum(1) == 0) | (mask.flatten(1).sum(1) == 0)
    return {name: values.masked_fill(unknown, torch.nan) for name, values in scores.items()}


class SplitEvaluation:
    """Collects scores over the batches of one split and makes the table of them.

    For each batch call :meth:`add` once with everything that the model made of it; the baselines are added by
    themselves. ``tokens`` is the lattice in whose steps EPE and coverage are given besides pixels; ``extractor`` gives
    the features of FID and KID, and ``lpips`` (see :mod:`~vtonlib.evaluation.pretrained`) adds a column.

    Book: sec-evaluation.
    """

    def __init__(
        self, split: str, *, tokens: Grid, extractor: FeatureExtractor | None = None, lpips: nn.Module | None = None
    ) -> None:
        self.split, self.tokens, self.extractor, self.lpips = split, tokens, extractor, lpips
        self._scores: dict[str, dict[str, list[Tensor]]] = defaultdict(lambda: defaultdict(list))
        self._features: dict[str, list[Tensor]] = defaultdict(list)
        self._real: list[Tensor] = []
        self._kinds: dict[str, str] = {}
        self._fabrics: list[str] = []

    @torch.no_grad()
    def add(
        self,
        batch: TryOnBatch,
        *,
        attention: Mapping[str, AttentionRecord] | None = None,
        flows: Mapping[str, Float[Tensor, "b h w 2"]] | None = None,
        images: Mapping[str, Float[Tensor, "b 3 h w"]] | None = None,
        references: Mapping[str, Float[Tensor, "b 3 h w"]] | None = None,
        fabrics: Sequence[str] = (),
    ) -> None:
        """Score one batch: attentions (the flow is their expected coordinates), flows and images, by method.

        ``references`` are images that stand among the baselines; ``fabrics`` are those of the examples' garments, where
        they are known.

        Raises:
            ValueError: if a method has the name of a baseline, or there are not as many fabrics as examples.
        """
        if fabrics and len(fabrics) != len(batch):
            raise ValueError(f"{len(fabrics)} fabrics for {len(batch)} examples")
        baselines = baseline_flows(batch)
        named = {*(attention or {}), *(flows or {}), *(images or {}), *(references or {})}
        if clash := sorted(named & {*baselines, "agnostic"}):
            raise ValueError(f"'{clash[0]}' is the name of a baseline; call the method something else")
        self._fabrics += fabrics
        self._add("model", batch, attention or {}, flows or {}, images or {})
        self._add("baseline", batch, {}, {}, references or {})
        chance = {_chance_name(record): _uniform(record) for record in (attention or {}).values()}
        self._add("baseline", batch, {}, baselines, baseline_images(batch, baselines))
        self._add("baseline", batch, chance, {}, {})
        if self.extractor is not None:
            self._real.append(extract(self.extractor, [batch.person]))

    def _add(
        self,
        kind: str,
        batch: TryOnBatch,
        attention: Mapping[str, AttentionRecord],
        flows: Mapping[str, Tensor],
        images: Mapping[str, Tensor],
    ) -> None:
        for method, record in attention.items():
            mass = attention_mass(record, batch.flow, batch.flow_mask, radius=MASS_RADIUS)
            self._store(kind, method, {**self._correspondence(expected_coordinates(record), batch), MASS: mass})
        for method, flow in flows.items():
            self._store(kind, method, self._correspondence(flow, batch))
        for method, image in images.items():
            self._store(kind, method, image_scores(image, batch, self.lpips))
            if self.extractor is not None:
                self._features[method].append(extract(self.extractor, [image]))

    def _correspondence(self, flow: Tensor, batch: TryOnBatch) -> dict[str, Tensor]:
        scores = correspondence_scores(flow, batch, self.tokens)
        return {**scores, EPE_SHARE: scores[EPE] * 100 / batch.size[0]}

    def _store(self, kind: str, method: str, scores: dict[str, Tensor]) -> None:
        self._kinds[method] = kind
        for metric, values in scores.items():
            self._scores[method][metric].append(values.cpu())

    def table(self) -> Table:
        """The table of everything added so far; models first.

        Raises:
            ValueError: if nothing was added.
        """
        if not self._kinds:
            raise ValueError(f"nothing was added to the evaluation of the split '{self.split}'")
        columns = metrics(self.tokens, self.extractor.name if self.extractor is not None else "none")
        if self.lpips is not None:
            columns += (Metric(LPIPS, "", "lower"),)
        methods = sorted(self._kinds, key=lambda method: self._kinds[method] == "baseline")
        rows = tuple(
            Row(method, self._kinds[method], tuple(self._cell(method, column.name) for column in columns))  # type: ignore[arg-type]
            for method in methods
        )
        return Table(self.split, columns, rows, CHANCE)

    def tables(self) -> tuple[Table, ...]:
        """:meth:`table`, and where fabrics are known one table by fabric for each metric of the painted garment.

        Raises:
            ValueError: if nothing was added.
        """
        main = self.table()
        if not self._fabrics:
            return (main,)
        scores = {row.method: {m: torch.cat(v) for m, v in self._scores[row.method].items()} for row in main.rows}
        baselines = [row.method for row in main.rows if row.kind == "baseline"]
        return (
            main,
            *fabric_tables(self.split, scores, self._fabrics, baselines, masked_ssim=MASKED_SSIM, chance=CHANCE),
        )

    def _cell(self, method: str, metric: str) -> Cell:
        if metric in (FID, KID):
            return self._distance(method, metric)
        values = self._scores[method].get(metric)
        if not values:
            return None
        return geometric_interval(torch.cat(values)) if metric == TEXTURE else bootstrap_interval(torch.cat(values))

    def _distance(self, method: str, metric: str) -> Cell:
        """FID and KID belong to sets of images, not to samples: a number without an interval."""
        if method not in self._features:
            return None
        made, real = torch.cat(self._features[method]), torch.cat(self._real)
        if len(real) < 2:
            return None
        value = frechet_distance(made, real) if metric == FID else kernel_distance(made, real).mean
        return Interval(value, n=len(made))


def _chance_name(record: AttentionRecord) -> str:
    """Chance depends on the lattice of the keys, so each lattice has its own row."""
    return f"{CHANCE} attention {record.key_grid.height}x{record.key_grid.width}"


def _uniform(record: AttentionRecord) -> AttentionRecord:
    """Attention with equal weights on the lattices of ``record``."""
    query, key = (x[:, :1, :, :1].detach() * 0 for x in (record.query, record.key))
    return AttentionRecord(query, key, 1.0, record.query_grid, record.key_grids)
