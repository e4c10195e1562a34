"""Normalizations, from batch norm to ALIAS: what each one removes, and what a label map puts back.

First what needs nothing but the activation or the weight, then what class, style or label map decides.
"""

from vtonlib.models.normalization.alias import ALIASNorm, alias_noise
from vtonlib.models.normalization.conditional import (
    ConditionalBatchNorm2d,
    adaptive_group_norm,
    adaptive_instance_norm,
    class_adaptive,
    modulate,
    zero_gated,
)
from vtonlib.models.normalization.mask import MaskNorm, RegionMoments, mask_standardize, region_moments
from vtonlib.models.normalization.mask_steps import MaskNormSteps, effective_eps, fill_with_mean, mask_norm_steps
from vtonlib.models.normalization.modulation import LabelModulation, Modulation
from vtonlib.models.normalization.patterns import LabelPatterns, find_patterns
from vtonlib.models.normalization.spade import SPADE
from vtonlib.models.normalization.spectral import (
    SingularPair,
    SpectralNorm,
    from_hook_key,
    power_iteration,
    spectral_norm,
    to_hook_key,
)
from vtonlib.models.normalization.unconditional import (
    demodulate,
    group_standardize,
    instance_norm,
    local_response_norm,
    rms_norm,
    standardize,
    weight_norm,
)

__all__ = [
    "SPADE",
    "ALIASNorm",
    "ConditionalBatchNorm2d",
    "LabelModulation",
    "LabelPatterns",
    "MaskNorm",
    "MaskNormSteps",
    "Modulation",
    "RegionMoments",
    "SingularPair",
    "SpectralNorm",
    "adaptive_group_norm",
    "adaptive_instance_norm",
    "alias_noise",
    "class_adaptive",
    "demodulate",
    "effective_eps",
    "fill_with_mean",
    "find_patterns",
    "from_hook_key",
    "group_standardize",
    "instance_norm",
    "local_response_norm",
    "mask_norm_steps",
    "mask_standardize",
    "modulate",
    "power_iteration",
    "region_moments",
    "rms_norm",
    "spectral_norm",
    "standardize",
    "to_hook_key",
    "weight_norm",
    "zero_gated",
]
