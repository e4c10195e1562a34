"""Models: normalizations, small layers, and what prepares their inputs. Whole networks are compared with goldens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from properties.case import Case
from properties.draws import Draw
from vtonlib.attention import Grid
from vtonlib.models.alias import ALIASResBlock
from vtonlib.models.classifier import WorldClassifier
from vtonlib.models.discriminator import MultiscaleDiscriminator, PatchDiscriminator
from vtonlib.models.feature_addition import FeatureAddition, SelfAttention
from vtonlib.models.image_encoder import ImageEncoder, MapperBlock, PooledImageEncoder
from vtonlib.models.matcher import ResidualConv
from vtonlib.models.normalization.alias import ALIASNorm
from vtonlib.models.normalization.conditional import ConditionalBatchNorm2d
from vtonlib.models.normalization.mask import MaskNorm
from vtonlib.models.normalization.modulation import LabelModulation
from vtonlib.models.normalization.spade import SPADE
from vtonlib.models.spade import SPADEResBlock
from vtonlib.models.stable_viton import ZeroCrossAttentionBlock
from vtonlib.models.style import StyleDistribution
from vtonlib.models.translator import BlurDown, PatchProjector, ResnetBlock
from vtonlib.models.unet_parts import Composition, MultiHeadAttention

NAME = "vtonlib.models."
NORM = NAME + "normalization."
WEIGHTS = {"rows": "", "why": "weights have no rows of a batch"}
SINGLE = {"half": False, "why": "its parts run in single precision, as training does with autocast"}


def module(build: Callable[[], nn.Module]) -> Callable[[Draw], nn.Module]:
    """An object whose weights are drawn from a seed; in evaluation, so that rows are computed alone."""

    def make(draw: Draw) -> nn.Module:
        torch.manual_seed(0)
        return build().eval()

    return make


def fixed(**sizes: int) -> dict[str, tuple[int, int]]:
    return {name: (size, size) for name, size in sizes.items()}


def normal(dims: str) -> Callable[[Draw], Tensor]:
    return lambda draw: draw.normal(dims)


def labels(dims: str) -> Callable[[Draw], Tensor]:
    return lambda draw: draw.one_hot(dims)


MASK: dict[str, Any] = {"empty": "finite", "sizes": {"h": (2, 5), "w": (2, 5)}}
X, SIDES = {"x": normal("b c h w")}, {"h": (3, 5), "w": (3, 5), "H": (3, 5), "W": (3, 5)}
MAPS = X | {"labels": labels("b 3 h w")}
LABELLED = {"given": MAPS, "sizes": SIDES | fixed(c=4)}
RANDOM = ("random",)  # constants and their norms are rounding alone
TOKENS = {"x": normal("b 6 4"), "context": normal("b 6 3"), "grid": Grid(3, 2)}

CASES = {
    NORM + "conditional.modulate": Case(),
    NORM + "conditional.adaptive_instance_norm": Case(exact=1e-3),
    NORM + "conditional.adaptive_group_norm": Case(given={"groups": 2}, sizes=fixed(c=4), exact=1e-3),
    NORM + "conditional.zero_gated": Case(given={"branch": lambda d: torch.tanh}, sizes={"c": (2, 5)}, exact=1e-3),
    NORM + "conditional.class_adaptive": Case(given={"labels": lambda d: d.integers("b h w", "k")}, exact=1e-3),
    NORM + "conditional.ConditionalBatchNorm2d.forward": Case(
        on=module(lambda: ConditionalBatchNorm2d(4, 3)),
        given=X | {"labels": lambda d: d.integers("b", 3)},
        sizes=fixed(c=4),
    ),
    NORM + "mask.region_moments": Case(**MASK, exact=1e-3, dtype="precise"),
    NORM + "mask.mask_standardize": Case(**MASK, exact=1e-2),
    NORM + "mask.MaskNorm.forward": Case(on=module(MaskNorm), **MASK, exact=1e-2),
    NORM + "mask_steps.fill_with_mean": Case(**MASK),
    NORM + "mask_steps.effective_eps": Case(**MASK),
    NORM + "mask_steps.mask_norm_steps": Case(**MASK, exact=1e-2),
    NORM + "alias.ALIASNorm.forward": Case(
        on=module(lambda: ALIASNorm(4, 3, hidden=4)),
        **LABELLED | {"given": MAPS | {"misalign_mask": lambda d: d.mask("b 1 h w")}},
        exact=1e-2,
        empty="finite",
        rows="",
        why="the noise is drawn for all rows together",
    ),
    NORM + "modulation.LabelModulation.forward": Case(
        on=module(lambda: LabelModulation(4, 3, 4)),
        given={"labels": labels("b 3 H W")},
        sizes=SIDES,
        exact=1e-3,
    ),
    NORM + "modulation.LabelModulation.apply_to": Case(
        on=module(lambda: LabelModulation(4, 3, 4)), **LABELLED, exact=1e-3
    ),
    NORM + "spade.SPADE.forward": Case(on=module(lambda: SPADE(4, 3, hidden=4)), **LABELLED, exact=1e-2),
    NORM + "spectral.power_iteration": Case(given={"left": normal("m")}, fills=("random",), exact=1e-2, **WEIGHTS),
    NORM + "unconditional.standardize": Case(given={"x": normal("b c h w"), "dims": (2, 3)}, exact=1e-2),
    NORM + "unconditional.instance_norm": Case(given=X, exact=1e-2),
    NORM + "unconditional.group_standardize": Case(given={"groups": 2}, sizes=fixed(c=4), exact=1e-2),
    NORM + "unconditional.rms_norm": Case(given={"x": normal("b c h w"), "dims": (1,)}, exact=1e-3),
    NORM + "unconditional.local_response_norm": Case(given={"size": 3}),
    NORM + "unconditional.weight_norm": Case(
        given={"direction": normal("o i"), "magnitude": normal("o")}, fills=("random", "constant"), **WEIGHTS
    ),
    NORM + "unconditional.demodulate": Case(exact=1e-3),
    NAME + "alias.split_parse": Case(given={"parse": labels("b k h w"), "garment_channel": 0}, empty="finite"),
    NAME + "alias.ALIASResBlock.forward": Case(
        on=module(lambda: ALIASResBlock(4, 4, 3, hidden=4)),
        **LABELLED | {"given": MAPS | {"misalign_mask": lambda d: d.mask("b 1 h w")}},
        exact=1e-2,
        fills=RANDOM,
        empty="finite",
        rows="",
        why="the noise is drawn for all rows together",
    ),
    NAME + "spade.SPADEResBlock.forward": Case(
        on=module(lambda: SPADEResBlock(4, 4, 3, hidden=4)), **LABELLED, fills=RANDOM, exact=1e-2
    ),
    NAME + "classifier.WorldClassifier.features": Case(
        on=module(lambda: WorldClassifier({"a": ("x", "y")}, channels=(8, 8), width=4)),
        sizes={"h": (9, 12), "w": (9, 12)},
        fills=RANDOM,
        exact=1e-3,
    ),
    NAME + "discriminator.PatchDiscriminator.forward": Case(
        on=module(lambda: PatchDiscriminator(3, 4, 2, 8)),
        sizes={"h": (16, 19), "w": (16, 18)} | fixed(c=3),
        exact=1e-2,
    ),
    NAME + "discriminator.MultiscaleDiscriminator.forward": Case(
        on=module(lambda: MultiscaleDiscriminator(3, 4, 2)),
        sizes={"h": (32, 35), "w": (32, 34)} | fixed(c=3),
        exact=1e-2,
    ),
    NAME + "feature_addition.FeatureAddition.forward": Case(
        on=module(lambda: FeatureAddition(4, 3)), given=X | {"features": normal("b 3 h w")}, sizes=fixed(c=4)
    ),
    NAME + "feature_addition.SelfAttention.forward": Case(
        on=module(lambda: SelfAttention(4, 2)), sizes=fixed(c=4), exact=1e-3
    ),
    NAME + "features.WorldFeatures.maps": Case(
        on=lambda d: world_features(),
        given={"images": lambda d: d.uniform("b 3 h w")},
        sizes={"h": (16, 19), "w": (16, 18)},
        fills=("random",),
        exact=1e-3,
        **SINGLE,
    ),
    NAME + "garment_encoder.position_features": Case(sizes=SIDES, **WEIGHTS),
    NAME + "garment_encoder.placed": Case(),
    NAME + "geometric_matching.correlation": Case(exact=1e-3),
    NAME + "image_encoder.ImageEncoder.forward": Case(
        on=module(lambda: ImageEncoder(4, 8, 6)),
        given={"garment": lambda d: d.normal("b 4 h w")},
        sizes={"h": (8, 10), "w": (8, 9)},
        exact=1e-3,
    ),
    NAME + "image_encoder.MapperBlock.forward": Case(
        on=module(lambda: MapperBlock(8)), given={"x": normal("b 8")}, exact=1e-3
    ),
    NAME + "image_encoder.PooledImageEncoder.forward": Case(
        on=module(lambda: PooledImageEncoder(8, 2, 6)), given={"pooled": normal("b 8")}, exact=1e-3
    ),
    NAME + "image_encoder.replace_dropped": Case(given={"drop": lambda d: d.mask("b") > 0}),
    NAME + "matcher.ResidualConv.forward": Case(
        on=module(lambda: ResidualConv(8)), fills=RANDOM, sizes=fixed(c=8), exact=1e-2
    ),
    NAME + "matcher.token_colours": Case(given={"grid": Grid(2, 2)}, sizes={"H": (4, 7), "W": (4, 6)}, empty="finite"),
    NAME + "released_masks.released_keep_mask": Case(
        sizes=SIDES | {"height": (2, 5), "width": (2, 5)}, exact=1, empty="finite"
    ),
    NAME + "stable_viton.ZeroCrossAttentionBlock.forward": Case(
        on=module(lambda: ZeroCrossAttentionBlock(4, 3, heads=2, norm_num_groups=2)),
        given=X | {"garment": normal("b 3 h w")},
        sizes=fixed(c=4),
        exact=1e-3,
    ),
    NAME + "style.StyleDistribution.draw": Case(
        on=lambda d: StyleDistribution(d.normal("b z"), d.normal("b z")),
        given={"generator": lambda d: torch.Generator().manual_seed(0)},
        exact=1,
        rows="",
        why="its rows are the object's; the noise is drawn",
    ),
    NAME + "translator.BlurDown.forward": Case(on=module(BlurDown), sizes={"h": (2, 7), "w": (2, 7)}),
    NAME + "translator.ResnetBlock.forward": Case(
        on=module(lambda: ResnetBlock(4)), fills=RANDOM, sizes=SIDES | fixed(c=4), exact=1e-2
    ),
    NAME + "translator.unit_patches": Case(),
    NAME + "translator.PatchProjector.forward": Case(
        on=module(lambda: PatchProjector([4], width=3)), given={"patches": lambda d: [d.normal("b m 4")]}, exact=1e-3
    ),
    NAME + "unet_parts.MultiHeadAttention.forward": Case(
        on=module(lambda: MultiHeadAttention(4, 3, 2)), given=TOKENS, exact=1e-3
    ),
    NAME + "unet_parts.MultiHeadAttention.carry": Case(
        on=module(lambda: MultiHeadAttention(4, 3, 2)),
        given=TOKENS | {"carried": normal("b 6 z")},
        exact=1e-3,
    ),
    NAME + "unet_parts.Composition.carried": Case(
        on=module(lambda: Composition(4, 3, 1, 2)), given={"latents": normal("b 3 6 4")}
    ),
    NAME + "side_by_side.patches": Case(given={"picture": lambda d: d.uniform("b c 8 12")}),
}


def world_features() -> nn.Module:
    """The stored features of the world."""
    from vtonlib.models.features import WorldFeatures

    return WorldFeatures(WorldClassifier({"a": ("x", "y")}, channels=(8, 8), width=4).eval())
