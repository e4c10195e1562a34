"""What Leffa's loss does to a matcher whose base looks wide: after the base stage, from scratch, and beside the truth.

Trained by benchmarks/following.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from claims import stored

ARMS = ("base", "control", "later", "coarse", "told", "alone")
READINGS = ("epe", "strongest", "pck", "mass", "swaps", "entropy", "spread", "reach")
Arms = Mapping[str, Mapping[str, float]]


def readings(arms: Arms, names: Iterable[str]) -> dict[str, float]:
    """``ARM_READING``, what each arm gains over the control, and its error as a share of the base's."""
    found = {}
    for name in names:
        found |= {f"{name}_{reading}": arms[name][reading] for reading in READINGS}
        found[f"{name}_ratio"] = arms[name]["epe"] / arms["base"]["epe"]
        found[f"{name}_gain"] = arms["control"]["epe"] - arms[name]["epe"]
        found[f"{name}_pck_gain"] = arms[name]["pck"] - arms["control"]["pck"]
        found[f"{name}_mass_gain"] = arms[name]["mass"] - arms["control"]["mass"]
    known = arms["baselines"]
    return found | {"copy_epe": known["copy_epe"], "uniform_epe": known["uniform_epe"]}


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("following", ("open",))


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` of the open setting: ``base``, 300 steps of copying, and what goes on from it for 120:
    ``control`` with copying alone, ``later`` with Leffa's loss at a weight of 0.1 beside it, ``coarse`` at 1 on
    pictures of one pixel a token, ``told`` with the true places; ``alone`` has Leffa's loss only, 300 steps from
    scratch.

    Readings are explained in benchmarks/readings.py, lengths in tokens; ``pck`` is the share of places within a token.
    ``ARM_ratio`` is the error as a share of the base's, ``ARM_gain`` how much less it is than the control's,
    ``ARM_mass_gain`` how much more of the attention lies near the truth, ``ARM_pck_gain`` how many more places are
    right. ``alone_share``: the error of ``alone`` as a share of uniform attention's; ``alone_slope``: the jumps between
    neighbours' centres, as a share of the true ones.
    """
    arms = stored.matched("open", seed)
    alone = {
        "alone_share": arms["alone"]["epe"] / arms["baselines"]["uniform_epe"],
        "alone_slope": arms["alone"]["slope"],
    }
    return readings(arms, ARMS) | alone
