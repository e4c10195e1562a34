"""From our smallest models to the published networks: built on the ``meta`` device at any size, and counted.

Book: sec-ladder.
"""

from vtonlib.ladder.networks import BLOCKS, COUNTS, PROBES, Counted, Probe, Rung, count, counted
from vtonlib.ladder.rungs import LADDERS, climb, narrowed, pose_transfer
from vtonlib.ladder.transformers import TRANSFORMERS, Transformer, transformer

__all__ = [
    "BLOCKS",
    "COUNTS",
    "LADDERS",
    "PROBES",
    "TRANSFORMERS",
    "Counted",
    "Probe",
    "Rung",
    "Transformer",
    "climb",
    "count",
    "counted",
    "narrowed",
    "pose_transfer",
    "transformer",
]
