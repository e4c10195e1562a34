"""Measuring claims, and measuring them again.

python3 -m tools claims                      list them, with what they say and whether it holds
python3 -m tools claims --measure NAME...    measure all seeds and store what was found
python3 -m tools claims --verify [NAME...]   measure again; fails if a value moved or a condition no longer holds
        --seconds 60    as many seeds of each claim as fit into this time (all of them: 0)
        --device cuda   the claims that need a GPU, instead of those that need none
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import sys
import time
from typing import Any

from tools import machine
from tools.book.claims import FOLDER, Claim, broken, differences, load, problems, rounded
from tools.shell import write


def measure(claim: Claim, seeds: list[int]) -> tuple[dict[str, list[float]], float]:
    """The claim's metrics for some seeds, and how many seconds they took."""
    spec = importlib.util.spec_from_file_location(claim.script.stem, claim.script)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{claim.script} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    start = time.monotonic()
    rows = [module.measure(seed) for seed in seeds]
    seconds = time.monotonic() - start
    wanted = sorted(claim.record["metrics"])
    for row in rows:
        if sorted(row) != wanted:
            raise SystemExit(f"claims/{claim.script.name}: measured {sorted(row)}, expected {wanted}")
    return {metric: [float(row[metric]) for row in rows] for metric in wanted}, seconds


def store(claim: Claim) -> list[str]:
    """Measure a claim and store it, unless its conditions do not hold: then the file stays as it was."""
    values, seconds = measure(claim, claim.record["seeds"])
    if found := broken(claim.record["conditions"], values, every=False):
        return [f"claims/{claim.name}.json: {problem}; nothing was stored" for problem in found]
    record = json.loads(json.dumps(claim.record))
    for metric, measured in values.items():
        record["metrics"][metric]["values"] = [float(f"{value:.6g}") for value in measured]
        record["metrics"][metric]["interval"] = rounded(Claim(claim.name, record), metric)
    record["measured"] = provenance(claim.name, seconds)
    write(FOLDER / f"{claim.name}.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return problems(Claim(claim.name, record))


def provenance(name: str, seconds: float) -> dict[str, Any]:
    """When, how and on what a claim was measured."""
    known = machine.describe()
    return {
        "date": datetime.date.today().isoformat(),
        "seconds": round(seconds, 1),
        "command": f"python3 -m tools claims --measure {name}",
        "machine": {key: known[key] for key in ("cpu", "cores", "gpu", "system")},
        "versions": {key: known[key] for key in ("python", "torch", "diffusers")},
    }


def verify(claim: Claim, seconds: float) -> list[str]:
    """Measure a claim again, for as many of its seeds as fit, and say what no longer agrees."""
    if found := problems(claim):
        return found
    seeds = claim.record["seeds"]
    each = claim.record["measured"]["seconds"] / len(seeds)
    count = len(seeds) if not seconds else min(len(seeds), int(seconds / max(each, 1e-3)))
    if not count:
        print(f"{claim.name}: one seed takes {each:.0f} s, more than {seconds:.0f} s; not measured again")
        return []
    values, _ = measure(claim, seeds[:count])
    moved = [line for metric, new in values.items() for line in differences(claim, metric, new)]
    moved += broken(claim.record["conditions"], values, every=count < len(seeds))
    print(
        f"{claim.name}: {count} of {len(seeds)} seeds measured again, {'changed' if moved else 'as stored'}", flush=True
    )
    return [f"claims/{claim.name}.json: {line}" for line in moved]


def listing(claim: Claim) -> str:
    """One claim in three lines."""
    state = "; ".join(problems(claim)) or f"holds, measured {claim.record['measured']['date']}"
    statement = claim.quote("") if claim.measured else claim.record.get("statement", "")
    return f"{claim.name} ({claim.record.get('device')}): {state}\n    {statement}"


def main(argv: list[str]) -> int:
    """Do one of the three jobs; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(prog="python3 -m tools claims", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--measure", action="store_true")
    group.add_argument("--verify", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args(argv)
    claims = load()
    if unknown := [name for name in asked.names if name not in claims]:
        sys.exit(f"claims: there is no {', '.join(unknown)}; known: {', '.join(claims) or 'none'}")
    if asked.measure and not asked.names:
        sys.exit("claims: --measure needs names")
    chosen = [claims[name] for name in asked.names or claims]
    if asked.verify and not asked.names:
        chosen = [claim for claim in chosen if claim.record.get("device") == asked.device]
    found: list[str] = []
    for claim in chosen:
        if asked.measure:
            found += store(claim)
        elif asked.verify:
            found += verify(claim, asked.seconds)
        else:
            print(listing(claim))
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
