"""Keep the models of a run: its final weights in half precision, its report, its config and how it was made.

python -m tools.store runs/checkpoints/stableviton-small vtonlib/weights/stableviton-small --after runs/checkpoints/tiny
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools import machine, summary
from tools.gpu import LARGEST_CHECKPOINT

if TYPE_CHECKING:
    from vtonlib.checkpoints import Provenance, Training

BESIDE = ("config.json", "report.md", "report.json", "grid.png")
"""What else of a run is kept, where it is there."""


def halve(file: Path, out: Path) -> None:
    """Write the tensors of ``file`` to ``out``, those of floats in half precision; integers stay.

    Raises:
        SystemExit: when a number is too large for half precision, or ``out`` would be too large to be committed.
    """
    from safetensors.torch import load_file, save_file

    tensors = {name: x.half() if x.is_floating_point() else x for name, x in load_file(file).items()}
    if lost := [name for name, x in tensors.items() if not x.isfinite().all()]:
        sys.exit(f"{file}: {lost[0]} holds numbers that half precision cannot (of at most 65504)")
    save_file(tensors, out)
    if out.stat().st_size >= LARGEST_CHECKPOINT:
        sys.exit(f"{file}: {out.stat().st_size} bytes in half precision, expected under {LARGEST_CHECKPOINT}")


def _drop(file: Path, *names: str) -> None:
    """Rewrite a JSON object without some names."""
    old = json.loads(file.read_text(encoding="utf8"))
    file.write_text(json.dumps({k: v for k, v in old.items() if k not in names}, indent=2) + "\n", encoding="utf8")


def portable(config: dict[str, Any]) -> dict[str, Any]:
    """A run's config without the folders of this machine: of an absolute path only the last name stays."""
    parts = {key: dict(config[key]) if isinstance(config.get(key), dict) else {} for key in ("task", "data")}
    for values in parts.values():
        for name, value in values.items():
            if isinstance(value, str) and Path(value).is_absolute():
                values[name] = Path(value).name
    return {**config, **{key: values for key, values in parts.items() if values}}


def training(run: Path) -> Training:
    """What the config and the log of a run say of it; the hours are those of its log.

    Raises:
        SystemExit: when it has no config.
    """
    from vtonlib.checkpoints import Training

    if not (run / "config.json").is_file():
        sys.exit(f"{run}: no config.json, so nobody knows what was trained")
    config = portable(json.loads((run / "config.json").read_text(encoding="utf8")))
    lines = (run / "log.jsonl").read_text(encoding="utf8").splitlines() if (run / "log.jsonl").exists() else []
    seconds = [record["elapsed"] for record in map(json.loads, lines) if "elapsed" in record]
    settings = config["train"]
    return Training(
        preset=config["preset"],
        size=config["size"],
        steps=settings["steps"],
        batch_size=settings["batch_size"],
        seed=settings["seed"],
        hours=round(max(seconds) / 3600, 3) if seconds else None,
        config=config,
    )


def provenance(runs: list[Path], report: Path, where: str) -> Provenance:
    """The record of a model made by ``runs``, in order, on the machine ``where``; scores if there is a ``report``."""
    from vtonlib.checkpoints import Provenance

    known = json.loads(report.read_text(encoding="utf8")) if report.exists() else {"tables": []}
    return Provenance(
        trainings=tuple(map(training, runs)),
        machine=where,
        examples=summary.count(known) if known["tables"] else 0,
        scores=summary.summary(known),
    )


def store(run: Path, out: Path, *, made: Provenance | None = None, bare: bool = False) -> None:
    """Copy ``run``'s final folder to ``out``, its weights as float16, with config, report and picture beside them.

    ``out`` appears, or is replaced, only when all is written.

    Args:
        run: a finished run.
        out: the folder to write.
        made: how the model was made, to be stored with it instead of the report.
        bare: whether to store the final folder alone.

    Raises:
        SystemExit: when the run is not finished, or a file cannot be stored so.
    """
    from vtonlib.checkpoints import RECORD
    from vtonlib.disk import atomic_folder

    final = run / "final"
    if not final.is_dir():
        sys.exit(f"{run}: not finished, there is no final/ in it")
    with atomic_folder(out) as folder:
        shutil.copytree(final, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors"))
        for file in sorted(final.rglob("*.safetensors")):
            halve(file, folder / file.relative_to(final))
        for settings in folder.rglob("*.json"):
            _drop(settings, "_name_or_path", "sha256")  # where a network was read from; checksums of the whole weights
        for name in BESIDE if made is None and not bare else ():
            if (run / name).exists():
                shutil.copy2(run / name, folder / name)
        if made is not None:
            (folder / RECORD).write_text(made.to_json(), encoding="utf8")
            (folder / "config.json").write_text(json.dumps(made.trainings[-1].config, indent=2) + "\n", encoding="utf8")
    print(f"stored: {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.store")
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--after", type=Path, nargs="*", default=[], help="the runs before it, in order")
    parser.add_argument("--where", help="the machine in words, where it was not this one")
    parser.add_argument("--bare", action="store_true", help="one network: its folder alone, without a record")
    options = parser.parse_args()
    record = None
    if not options.bare:
        trained = [run for run in (*options.after, options.run) if (run / "log.jsonl").exists()]  # joined stages: none
        record = provenance(trained or [options.run], options.run / "report.json", options.where or machine.words())
    store(options.run, options.out, made=record, bare=options.bare)
