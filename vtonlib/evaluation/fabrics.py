"""How a painted garment looks, fabric by fabric: plain ones should come out plain, striped ones with their stripes.

Inside the garment an image is split in two: its local mean, and the rest, which is its texture. The error of the one is
the colour error; the energy of the other, against the true one's, is the texture ratio. Pixels of the garment's outline
are left out of both, and the mean reads nothing beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.textures import TEXTURES
from vtonlib.evaluation.bootstrap import Interval, bootstrap_interval
from vtonlib.evaluation.image import ssim
from vtonlib.evaluation.report import Better, Cell, Metric, Row, Table
from vtonlib.grids import masked_mean_per_sample

GARMENT_SSIM, TEXTURE, KEPT, COLOUR = "garment SSIM", "texture ratio", "texture kept", "colour error"
ALL = "all"
"""The column of all fabrics together."""
PLAIN_ENOUGH = 0.02
"""Root mean square below which nobody sees texture: one percent of the range of [-1, 1]. The light on a plain garment
has about 0.027."""
KEEPS = (0.7, 1.4)
"""Texture ratios between these count as kept."""
COARSE = 16
"""The local mean is taken with a Gaussian whose standard deviation is the image's height divided by this."""
_Region = Float[Tensor, "b 1 h w"]


def _interior(region: _Region) -> _Region:
    """Pixels wholly inside, one of 64 rows away from the outline."""
    margin = max(1, round(region.shape[-2] / 64))
    outside = F.pad((region < 0.999).to(region.dtype), (margin,) * 4)
    return 1 - F.max_pool2d(outside, 2 * margin + 1, stride=1)


def _blur(x: Float[Tensor, "b c h w"], deviation: float) -> Float[Tensor, "b c h w"]:
    """A Gaussian mean; beyond the border everything is 0."""
    reach = math.ceil(3 * deviation)
    places = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (places / deviation).square())
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    down = F.conv2d(x, kernel[..., None], padding=(reach, 0), groups=x.shape[1])
    return F.conv2d(down, kernel[:, :, None], padding=(0, reach), groups=x.shape[1])


def _local_mean(image: Float[Tensor, "b c h w"], inside: _Region) -> Float[Tensor, "b c h w"]:
    """The mean around each pixel, of pixels inside alone."""
    deviation = image.shape[-2] / COARSE
    return _blur(image * inside, deviation) / _blur(inside, deviation).clamp_min(1e-6)


def _mean(values: Float[Tensor, "b c h w"], inside: _Region) -> Float[Tensor, " b"]:
    empty = inside.flatten(1).sum(1) == 0
    return masked_mean_per_sample(values, inside).masked_fill(empty, torch.nan)


def texture_energy(image: Float[Tensor, "b c h w"], region: _Region) -> Float[Tensor, " b"]:
    """Mean square of what differs from the local mean, inside ``region``; NaN where that has no interior.

    For images in [-1, 1]. Shapes a sixteenth of the image's height across and smaller count wholly, shading hardly.

    Book: sec-evaluation.
    """
    inside = _interior(region)
    return _mean((image - _local_mean(image, inside)).square(), inside)


def texture_ratio(
    image: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], region: _Region
) -> Float[Tensor, " b"]:
    """:func:`texture_energy` of ``image`` over that of ``target``, each with :data:`PLAIN_ENOUGH` squared added.

    1 is right, more is invented texture, less is texture lost. The addition keeps plain garments from dividing by
    nearly nothing: there, a flat painting without any light and shade has about 0.4. The ratio does not say that the
    texture is the right one, and on strong patterns faint additions hardly show: see it beside the garment's SSIM.

    Book: sec-evaluation.
    """
    floor = PLAIN_ENOUGH**2
    return (texture_energy(image, region) + floor) / (texture_energy(target, region) + floor)


def colour_error(
    image: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], region: _Region
) -> Float[Tensor, " b"]:
    """Mean absolute difference of the local means inside ``region``, in units of [-1, 1]: wrong colour, whatever the
    texture. NaN where the region has no interior.

    Book: sec-evaluation.
    """
    inside = _interior(region)
    return _mean((_local_mean(image, inside) - _local_mean(target, inside)).abs(), inside)


def garment_scores(image: Float[Tensor, "b 3 h w"], batch: TryOnBatch) -> dict[str, Float[Tensor, " b"]]:
    """All metrics of the painted garment alone; NaN for a sample whose garment region is empty.

    The SSIM is that of the garment pasted into the true person, so that no window sees other errors.

    Book: sec-evaluation.
    """
    image, region = image.clamp(-1, 1), batch.garment_region
    pasted = torch.lerp(batch.person, image, region)
    return {
        GARMENT_SSIM: ssim(pasted, batch.person, region),
        TEXTURE: texture_ratio(image, batch.person, region),
        COLOUR: colour_error(image, batch.person, region),
    }


def geometric_interval(values: Float[Tensor, " n"]) -> Interval:
    """The geometric mean of ratios, and its bootstrap interval; NaN values are dropped."""
    about = bootstrap_interval(values.log())
    return Interval(math.exp(about.mean), math.exp(about.low), math.exp(about.high), about.n)


def _kept(ratios: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    low, high = KEEPS
    return ((ratios >= low) & (ratios <= high)).to(ratios.dtype).masked_fill(ratios.isnan(), torch.nan)


def fabric_tables(
    split: str,
    scores: Mapping[str, Mapping[str, Float[Tensor, " n"]]],
    fabrics: Sequence[str],
    baselines: Sequence[str],
    *,
    masked_ssim: str,
    chance: str,
) -> tuple[Table, ...]:
    """One table for each metric of the painted garment, with a column for each fabric.

    Args:
        split: which examples.
        scores: per method and metric one number for each example; methods without :data:`TEXTURE` are left out.
        fabrics: the fabric of each example.
        baselines: which methods are baselines.
        masked_ssim: name of the metric of the region to paint.
        chance: name of the row that knows nothing.
    """
    kinds = [ALL, *(name for name in TEXTURES if name in fabrics)]
    columns = [torch.tensor([kind in (ALL, fabric) for fabric in fabrics]) for kind in kinds]
    methods = [method for method, known in scores.items() if TEXTURE in known]
    tables = []
    for metric in (TEXTURE, KEPT, masked_ssim, GARMENT_SSIM, COLOUR):
        values = {method: scores[method][TEXTURE if metric == KEPT else metric] for method in methods}
        rows = tuple(
            Row(name, "baseline" if name in baselines else "model", tuple(_cell(metric, known[c]) for c in columns))
            for name, known in values.items()
        )
        tables.append(Table(f"{split}: {metric} by fabric", tuple(_head(metric, kind) for kind in kinds), rows, chance))
    return tuple(tables)


def _head(metric: str, kind: str) -> Metric:
    better: Better = "one" if metric == TEXTURE else "lower" if metric == COLOUR else "higher"
    return Metric(kind, "", better, 2 if metric == TEXTURE else 3)


def _cell(metric: str, values: Float[Tensor, " n"]) -> Cell:
    if metric == TEXTURE:
        return geometric_interval(values)
    return bootstrap_interval(_kept(values) if metric == KEPT else values)
