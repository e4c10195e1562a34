"""Measuring claims, and measuring them again.

python3 -m tools claims                      list them, with what they say and whether it holds
python3 -m tools claims --measure NAME...    measure all seeds and store what was found
python3 -m tools claims --verify             what every change does: those claims, and those seeds, that say so
python3 -m tools claims --verify NAME...     measure all seeds again; fails if a value moved or a condition breaks
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from tools import machine
from tools.book.claims import FOLDER, Claim, broken, budget_problems, differences, load, problems, rounded
from tools.shell import ROOT, write


def measure(claim: Claim, seeds: list[int]) -> tuple[dict[str, list[float]], float]:
    """The claim's metrics for some seeds, and how many seconds of a core they took: a busy machine changes nothing.

    A script that reads stored results may say in ``seeds()`` of which seeds they are; then the claim must be of these.
    """
    spec = importlib.util.spec_from_file_location(claim.script.stem, claim.script)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{claim.script} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = module.seeds() if hasattr(module, "seeds") else claim.record["seeds"]
    if kept != claim.record["seeds"]:
        told = claim.record["seeds"]
        raise SystemExit(f"claims/{claim.name}.json: of the seeds {told}, but the results are of {kept}")
    start = time.process_time()
    rows = [module.measure(seed) for seed in seeds]
    seconds = time.process_time() - start
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
    record["measured"] = provenance(record, claim.name, seconds)
    write(FOLDER / f"{claim.name}.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return problems(Claim(claim.name, record))


def provenance(record: dict[str, Any], name: str, seconds: float) -> dict[str, Any]:
    """When, how and on what a claim was measured; of a stored benchmark, what the benchmark took."""
    known, benchmark = machine.describe(), record.get("benchmark")
    if benchmark:
        results = [json.loads((ROOT / file).read_text(encoding="utf8")) for file in benchmark["results"]]
        seconds = sum(map(recorded_seconds, results))
    return {
        "date": datetime.date.today().isoformat(),
        "seconds": round(seconds, 1),
        "command": benchmark["command"] if benchmark else f"python3 -m tools claims --measure {name}",
        "machine": {key: known[key] for key in ("cpu", "cores", "gpu", "system")},
        "versions": {key: known[key] for key in ("python", "torch", "diffusers")},
    }


def recorded_seconds(results: object, counting: bool = False) -> float:
    """The sum of all numbers that stand under a key "seconds"."""
    if isinstance(results, dict):
        return sum(recorded_seconds(value, counting or key == "seconds") for key, value in results.items())
    if isinstance(results, list):
        return sum(recorded_seconds(value, counting) for value in results)
    return float(results) if counting and isinstance(results, int | float) else 0.0


def verify(claim: Claim, seeds: list[int]) -> list[str]:
    """Measure the first seeds of a claim again, and say what no longer agrees."""
    if found := problems(claim):
        return found
    if not seeds:
        print(f"{claim.name}: on demand ({claim.each:.0f} s a seed); not measured again", flush=True)
        return []
    values, _ = measure(claim, seeds)
    moved = [line for metric, new in values.items() for line in differences(claim, metric, new)]
    everything = len(seeds) == len(claim.record["seeds"])
    moved += broken(claim.record["conditions"], values, every=not everything)
    how = "compared with the benchmark's results" if claim.stored else "measured again"
    which = f"{len(seeds)} of {len(claim.record['seeds'])} seeds"
    print(f"{claim.name}: {which} {how}, {'changed' if moved else 'as stored'}", flush=True)
    return [f"claims/{claim.name}.json: {line}" for line in moved]


def verify_all(chosen: list[Claim], *, daily: bool) -> list[str]:
    """Verify claims on two cores, the longest first."""
    asked = {claim.name: claim.daily_seeds if daily else claim.record["seeds"] for claim in chosen}
    chosen = sorted(chosen, key=lambda claim: -claim.each * len(asked[claim.name]))
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(verify, chosen, [asked[claim.name] for claim in chosen]))
    return [line for lines in found for line in lines]


def listing(claim: Claim) -> str:
    """One claim in two lines."""
    state = "; ".join(problems(claim)) or f"holds, measured {claim.record['measured']['date']}"
    statement = claim.quote("") if claim.measured else claim.record.get("statement", "")
    cost = f"{claim.record['again']}, {claim.each:.1f} s a seed" if claim.measured else "not measured"
    return f"{claim.name} ({claim.record.get('device')}; {cost}): {state}\n    {statement}"


def main(argv: list[str]) -> int:
    """Do one of the three jobs; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(prog="python3 -m tools claims", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--measure", action="store_true")
    group.add_argument("--verify", action="store_true")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args(argv)
    claims = load()
    if unknown := [name for name in asked.names if name not in claims]:
        sys.exit(f"claims: there is no {', '.join(unknown)}; known: {', '.join(claims) or 'none'}")
    if asked.measure and not asked.names:
        sys.exit("claims: --measure needs names")
    chosen = [claims[name] for name in asked.names or claims]
    if asked.measure:
        found = [line for claim in chosen for line in store(claim)]
    elif asked.verify:
        found = budget_problems(claims) + verify_all(chosen, daily=not asked.names)
    else:
        found = []
        print(*map(listing, chosen), sep="\n")
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
