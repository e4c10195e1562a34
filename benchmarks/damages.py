"""What the command line says of damaged runs: is each damage one clear message that names the file?

    OMP_NUM_THREADS=1 python -m benchmarks.damages [--out FILE]

Two small runs are trained, a matcher and a StableVITON. Each damage is done to a copy of one of them, in which a
command is then called as at the shell, in a forked process. Good means: no traceback; one line, on the way to an error
(status 2) or to going on without the damaged file (status 0, the same final weights); the line names the file, or the
folder of a part of a pipeline; and no file that was there, weights or what is left of them, has vanished.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.harms import HARMS, NEWEST
from benchmarks.kills import KINDS, TRAIN
from vtonlib.cli import main as command_line
from vtonlib.disk import replace_text

STEPS = ("train.steps=3", "train.sample_every=0")
RUNS = {kind: ("train", kind, "--set", *TRAIN, *STEPS, *KINDS[kind]) for kind in ("matcher", "stableviton")}


@dataclass(frozen=True, slots=True)
class Damage:
    """A harm to a file of a run, and the command that must notice it."""

    kind: str
    """Which run."""
    file: str
    """What is harmed, relative to the run."""
    how: str
    """What is done to it, a key of :data:`benchmarks.harms.HARMS`."""
    named: str
    """What the message must name, relative to the run."""
    goes_on: bool
    """Whether the command goes on with what is left, rather than stop with an error."""

    @property
    def command(self) -> tuple[str, ...]:
        """What is called, without the run folder."""
        return RUNS[self.kind] if self.kind == "matcher" else ("evaluate", "--count", "1")


WEIGHTS = (
    "first bit flipped",
    "bit of the header flipped",
    "cut in half",
    "cut to 4 bytes",
    "empty",
    "missing",
    "zeroes",
)
TEXT = ("cut in half", "empty", "missing", "a list", "null", "no text", "nested deeply", "a folder")


def damages() -> Iterator[Damage]:
    """All damages."""
    for name in ("model", "ema", "optimizer"):
        others = {"model": ("model of the step before", "weights of the averages")}.get(name, ())
        for how in (*WEIGHTS, "last bit flipped", "a folder", *others):
            file = f"{NEWEST}/{name}.safetensors"
            yield Damage("matcher", file, how, file, goes_on=True)
    for how in (*TEXT, "another step", "no seal", "other elapsed"):
        yield Damage("matcher", f"{NEWEST}/state.json", how, NEWEST, goes_on=True)
    yield Damage("matcher", NEWEST, "files gone", NEWEST, goes_on=True)
    yield Damage("matcher", NEWEST, "renamed", "checkpoints/step-000009", goes_on=True)
    for how in ("last bit flipped", "bit of the header flipped", "cut in half", "empty", "missing"):
        yield Damage("matcher", "final/matcher.safetensors", how, "final/matcher.safetensors", goes_on=True)
    for how in ("no text", "line cut", "line without a step", "nested deeply", "a folder"):
        yield Damage("matcher", "log.jsonl", how, "log.jsonl", goes_on=False)
    keys = ("unknown preset", "no preset", "unknown key", "a word for a number", "out of range", "not a number")
    for how in (*TEXT, *keys, "another task"):
        yield Damage("stableviton", "config.json", how, "config.json", goes_on=False)
    for how in (*TEXT[:1], *TEXT[3:-1], "unknown class", "no class", "no steps", "a word for the steps"):
        yield Damage("stableviton", "final/model_index.json", how, "final/model_index.json", goes_on=False)
    for how in ("cut in half", "empty", "missing", "a list", "no text", "another shape"):
        yield Damage("stableviton", "final/unet/config.json", how, "final/unet", goes_on=False)
    file = "final/autoencoder/config.json"
    yield Damage("stableviton", file, "a word for the scale", file, goes_on=False)
    for how in (*WEIGHTS, "a weight that is NaN", "weights of the autoencoder"):
        file = "final/unet/diffusion_pytorch_model.safetensors"
        yield Damage("stableviton", file, how, "final/unet", goes_on=False)
    for how in ("cut in half", "missing", "no text", "a list"):
        file = "final/scheduler/scheduler_config.json"
        yield Damage("stableviton", file, how, "final/scheduler", goes_on=False)


def call(words: tuple[str, ...], folder: Path) -> tuple[int, str, str]:
    """Call the command line in a child: its status (128 for a traceback, minus a signal), what it wrote, where."""
    said = [folder.with_name(f"{folder.name}.{end}") for end in ("out", "err")]
    child = os.fork()
    if not child:
        for number, file in enumerate(said, start=1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        try:
            status = command_line(list(words))
        except BaseException:
            traceback.print_exc()
            status = 128
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    out, err = (file.read_text() for file in said)
    return status, out, err


def contents(folder: Path) -> set[str]:
    """Digests of all files of weights."""
    files = [path for path in folder.rglob("*.safetensors") if path.is_file()]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def on(run: Path, words: tuple[str, ...]) -> tuple[str, ...]:
    """A command that is to work on a run."""
    return (words[0], str(run), *words[1:]) if words[0] == "evaluate" else (*words[:2], "--out", str(run), *words[2:])


def notice(damage: Damage, whole: Path, run: Path) -> dict[str, object]:
    """Do a damage to a copy of a run, and what its command says of it."""
    shutil.copytree(whole, run)
    if damage.kind == "matcher" and not damage.file.startswith("final"):
        (run / "final" / "trained.json").unlink()  # or nothing would be left to do
    HARMS[damage.how](run / damage.file)
    before = contents(run)
    status, out, err = call(on(run, damage.command), run)
    told = [line for line in (out if damage.goes_on else err).splitlines() if str(run / damage.named) in line]
    faults = {
        "traceback": "Traceback" in out + err or status == 128 or status < 0,
        "status": status != (0 if damage.goes_on else 2),
        "lines": len(told) != 1 or len(err.splitlines()) != (0 if damage.goes_on else 1),
        "lost": not before <= contents(run),
        "weights": damage.goes_on and contents(run / "final") != contents(whole / "final"),
    }
    shutil.rmtree(run)
    row = {"file": damage.file, "how": damage.how, "faults": [name for name, found in faults.items() if found]}
    return row | {"said": " ".join(told or err.splitlines()[-1:]).replace(str(run), "RUN")[:300]}


def study(root: Path, every: int = 1) -> list[dict[str, object]]:
    """Train the runs into ``root`` and do every so many of the damages to them."""
    for kind, words in RUNS.items():
        status, _, err = call(on(root / kind, words), root / kind)
        if status:
            raise RuntimeError(f"{kind}: training ended with status {status}: {err}")
    return [notice(damage, root / damage.kind, root / "damaged") for damage in [*damages()][::every]]


def main() -> None:
    """Study all damages, print what went wrong, store the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="a file of results")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    os.environ |= {"TQDM_DISABLE": "1", "ACCELERATE_USE_CPU": "1"}
    with tempfile.TemporaryDirectory() as name:
        rows = study(Path(name))
    for row in rows:
        if row["faults"]:
            print(row["file"], "|", row["how"], "|", row["faults"], "|", row["said"])
    found = {"damages": len(rows), "clear": sum(not row["faults"] for row in rows)}
    found["tracebacks"] = sum("traceback" in row["faults"] for row in rows)  # type: ignore[operator]
    if out:
        replace_text(out, json.dumps({"measured": {**found, "rows": rows}}, indent=1) + "\n")
    print(json.dumps({**found, "rows": rows}))


if __name__ == "__main__":
    main()
