"""Diagram of entropy as a loss: which way the map is never made, and which way it must be."""

from __future__ import annotations

from vtonlib.viz.diagrams import Diagram


def entropy_loss_flow() -> Diagram:
    """From queries and keys to the two losses: the mean of the heads' entropies, and the entropy of the mean map.

    Book: sec-entropy.
    """
    d = Diagram(
        700,
        230,
        alt="Queries, keys and a mask. The mask chooses rows. Above: of each head the entropy from its expected key, "
        "then the mean over heads; no map is made. Below: of each head the map, some rows at a time, then the mean "
        "map, then its entropy. Both end in the mean over the chosen rows.",
    )
    given = d.box(70, 80, "queries, keys", width=110, height=44, kind="data")
    mask = d.box(70, 170, "mask: worn here", width=120, height=36, kind="mask")
    rows = d.box(215, 115, "rows that\ncount", width=90, height=50, kind="operation")
    expected = d.box(355, 50, "expected key\nof each head", width=120, height=50, kind="chosen")
    each = d.box(500, 50, "entropy of\neach head", width=100, height=50, kind="norm")
    maps = d.box(355, 180, "maps, some rows\nat a time", width=130, height=50, kind="conv")
    mean = d.box(500, 180, "mean map,\nits entropy", width=100, height=50, kind="norm")
    end = d.box(635, 115, "mean over\nheads and\nrows: loss", width=95, height=64, kind="label")
    for one, other in (
        *((given, rows), (mask, rows), (rows, expected), (expected, each), (each, end)),
        *((rows, maps), (maps, mean), (mean, end)),
    ):
        d.arrow(one, other)
    d.label(428, 16, "no map is made", size=11)
    d.label(428, 222, "heads must agree too", size=11)
    return d
