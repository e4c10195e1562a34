"""Which kinds of checks notice which faults, by benchmarks/mutants.py, which holds the hypotheses too."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "mutants.json"
TOGETHER = ("formula", "law", "truth")
REWORDINGS = ("attention some rows at a time", "a square as a product", "a distance as a root")


def measure(seed: int) -> dict[str, float]:
    """``quiet_KIND``: of the drawn faults that run, the share of which a kind complains. ``slips_KIND``: how many of
    the ten slips it notices. ``reworded``, ``choice_KIND``: of sound changes. ``sound``: complaints of none."""
    stored = json.loads(RESULTS.read_text(encoding="utf8"))
    kinds = stored["kinds"]

    def of(name: str) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for run, readings in stored["runs"].items():
            if run.rsplit("-", 1)[0] == f"{name}-{seed}":
                for key, value in readings.items():
                    if key != "seconds":
                        mutant, _, reading = key.rpartition(": ")
                        found.setdefault(mutant, {})[reading] = value
        return found

    faults = [said for said in of("drawn").values() if not said["harmless"]]
    quiet = [said for said in faults if not said["runs"]]
    slips, controls = [*of("slips").values()], of("controls")
    choices = [said for name, said in controls.items() if name not in REWORDINGS]
    sound = stored["runs"][f"sound-{seed}"]
    found = {"drawn": stored["faults"], "faults": len(faults), "quiet": len(quiet)}
    found["loud_share"] = 1 - len(quiet) / len(faults)
    found |= {f"quiet_{kind}": sum(said[kind] for said in quiet) / len(quiet) for kind in kinds if kind != "runs"}
    found["quiet_together"] = sum(any(said[kind] for kind in TOGETHER) for said in quiet) / len(quiet)
    found["quiet_nobody"] = sum(not any(said[kind] for kind in kinds) for said in quiet) / len(quiet)
    found["quiet_golden_alone"] = sum([k for k in kinds if said[k]] == ["golden"] for said in quiet) / len(quiet)
    others = [found[f"quiet_{kind}"] for kind in kinds if kind not in ("runs", "golden")]
    found["golden_lead"] = found["quiet_golden"] - max(others)
    found["truth_lead"] = found["quiet_truth"] - found["quiet_learns"]
    found |= {f"slips_{kind}": sum(said[kind] for said in slips) for kind in kinds}
    found["sound"] = sum(value for key, value in sound.items() if key != "seconds")
    found["reworded"] = sum(controls[name][kind] for name in REWORDINGS for kind in kinds)
    found["choice_golden"] = sum(said["golden"] for said in choices) / len(choices)
    found["choice_others"] = sum(said[kind] for said in choices for kind in kinds if kind != "golden")
    return found
