"""Measuring: correspondence against the known truth, images against the true image, sets of images against sets.

Every table holds the same baselines (:mod:`~vtonlib.evaluation.baselines`), its chance level and bootstrap intervals.
"""

from vtonlib.evaluation.baselines import BASELINES, CHANCE, baseline_flows, baseline_images
from vtonlib.evaluation.bootstrap import Interval, bootstrap_interval
from vtonlib.evaluation.correspondence import (
    attention_mass,
    coverage,
    end_point_error,
    mirror_swap_rate,
    pck,
    truth_on_lattice,
)
from vtonlib.evaluation.distribution import (
    FeatureExtractor,
    KernelDistance,
    extract,
    frechet_distance,
    kernel_distance,
    squared_mmd,
)
from vtonlib.evaluation.evaluate import SplitEvaluation, correspondence_scores, image_scores
from vtonlib.evaluation.image import l1, psnr, ssim, ssim_map
from vtonlib.evaluation.pretrained import InceptionExtractor, lpips_distance
from vtonlib.evaluation.probe import Probe, other_garment_probe, other_garments
from vtonlib.evaluation.report import Metric, Provenance, Report, Row, Table, beats

__all__ = [
    "BASELINES",
    "CHANCE",
    "FeatureExtractor",
    "InceptionExtractor",
    "Interval",
    "KernelDistance",
    "Metric",
    "Probe",
    "Provenance",
    "Report",
    "Row",
    "SplitEvaluation",
    "Table",
    "attention_mass",
    "baseline_flows",
    "baseline_images",
    "beats",
    "bootstrap_interval",
    "correspondence_scores",
    "coverage",
    "end_point_error",
    "extract",
    "frechet_distance",
    "image_scores",
    "kernel_distance",
    "l1",
    "lpips_distance",
    "mirror_swap_rate",
    "other_garment_probe",
    "other_garments",
    "pck",
    "psnr",
    "squared_mmd",
    "ssim",
    "ssim_map",
    "truth_on_lattice",
]
