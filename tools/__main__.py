"""Set everything up, then do one job. Only Python 3.11 or newer is needed, nothing else beforehand.

    python3 -m tools               train the tiny StableVITON, evaluate it beside the shipped model, build the site
    python3 -m tools test [...]    check the code, build the site, run all tests (arguments go to pytest; a first
                                   argument library, notebooks or site does that part alone)
    python3 -m tools lint          only the checks of the code: ruff, mypy, codespell
    python3 -m tools book          only the site (--zip: packed for offline reading; --pdf: printed by Chromium)
    python3 -m tools serve         the site on http://127.0.0.1:8000
    python3 -m tools run [NB...]   re-run notebooks (all when none is named) and store their outputs
    python3 -m tools check-notebooks    stale outputs, form, equations, exercises, quoted numbers; runs nothing
    python3 -m tools claims [...]  what the book claims; --verify measures again (--help)
    python3 -m tools checkpoints   train and store the shipped models, on whatever is there (--help)
    python3 -m tools gpu [...]     the trainings that need CUDA, in resumable steps (--help)
    python3 -m tools bench         run the benchmarks that need no arguments, store benchmarks/results/*.json
    python3 -m tools derive        rewrite what follows from other files: API page and record, address, setup cells
    python3 -m tools lock          rewrite constraints.txt from requirements.txt

The first call makes .venv and installs the pinned packages; later calls reuse it until a pin changes. A torch that the
invoking Python already has (Colab, CUDA) is kept. VTON_PYTHON=/path/to/python uses that interpreter as it is.
VTON_TORCH_INDEX=URL adds a package index with CPU builds of torch.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace

from tools import api, bench, checkpoints, environment, gpu, lock, site
from tools.book import check, export, finish, models
from tools.machine import fast_settings
from tools.shell import ROOT, call, output
from tools.steps import Step, run

RUN = "runs/stableviton-tiny"
TRAIN = Step(
    name="training",
    argv=("-m", "vtonlib", "train", "stableviton", "--size", "tiny", "--out", RUN),
    outputs=(f"{RUN}/final/model_index.json",),
)
MEASURES = ("vtonlib/evaluation", "vtonlib/scoring.py", "vtonlib/weights")
REPORT = ("report.md", "report.json", "grid.png", "fabrics.png")
EVALUATE = Step(
    name="evaluation",
    argv=("-m", "vtonlib", "evaluate", RUN),
    inputs=(f"{RUN}/final", *MEASURES),
    outputs=tuple(f"{RUN}/{name}" for name in REPORT),
)
BESIDE = "stableviton-tiny"
"""The shipped model of the same size, trained for longer."""
SHIPPED = f"runs/shipped-{BESIDE}"
EVALUATE_SHIPPED = Step(
    name="evaluation-shipped",
    argv=("-m", "vtonlib", "evaluate", BESIDE, "--splits", "unpaired", "--out", SHIPPED),
    inputs=MEASURES,
    outputs=tuple(f"{SHIPPED}/{name}" for name in REPORT),
)
BOTH = "runs/comparison"
COMPARE = Step(
    name="comparison",
    argv=(
        *("-m", "tools.comparison", RUN, BESIDE, "--out", BOTH),
        *("--reports", f"{RUN}/report.json", f"{SHIPPED}/report.json"),
    ),
    inputs=(f"{RUN}/report.json", f"{SHIPPED}/report.json", "tools/comparison.py", "tools/summary.py"),
    outputs=(f"{BOTH}/comparison.md", f"{BOTH}/comparison.png"),
)


NBVAL = ("--nbval", "--nbval-current-env", "--nbval-sanitize-with=tests/nbval.cfg", "--nbval-cell-timeout=300")
PARTS: dict[str, tuple[str, ...]] = {
    "": (),
    "library": ("tests", "--ignore=tests/book", "--ignore=tests/browser"),
    "notebooks": ("notebooks",),
    "site": ("tests/book", "tests/browser"),
}
"""What pytest runs of each part of ``test``; together they are the whole."""


def training(python: str) -> Step:
    """The training, in bf16 where it is native."""
    settings = fast_settings(json.loads(output(python, "-m", "tools.machine")))
    return replace(TRAIN, argv=(*TRAIN.argv, "--set", *settings)) if settings else TRAIN


def everything(_: list[str]) -> None:
    """Train, evaluate beside the shipped model, build the site."""
    python = environment.python()
    for step in (training(python), EVALUATE, EVALUATE_SHIPPED, COMPARE):
        run(step, python)
    page = site.build(python)
    print(
        f"\nrun folder: {ROOT / RUN}\n    report.md, report.json, grid.png, fabrics.png (what the model paints)\n"
        f"side by side with the shipped {BESIDE}: {ROOT / BOTH}\n    comparison.md, comparison.png\n"
        f"site:       {page}"
    )


def lint(_: list[str]) -> None:
    """Check the code."""
    python = environment.python()
    call(python, "-m", "ruff", "check", ".")
    call(python, "-m", "ruff", "format", "--check", ".")
    call(python, "-m", "mypy")
    call(python, "-m", "codespell_lib")


def test(arguments: list[str]) -> None:
    """Everything that must hold, pytest's summary last; or one part of it, which comes first among the arguments."""
    part, *rest = arguments if arguments and arguments[0] in PARTS else ["", *arguments]
    python = environment.python()
    if part in {"", "library"}:
        lint([])
    if part in {"", "notebooks"}:
        check_notebooks([])
    if part in {"", "site"}:
        call(python, "-m", "tools.book.measure", "--verify", env={"OMP_NUM_THREADS": "1"})
        site.build(python, force=True)
    chosen = [*PARTS[part], *(NBVAL if part in {"", "notebooks"} else ())]
    one_thread = {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    call(python, "-m", "pytest", "-n", "2", "--dist", "loadfile", *chosen, *rest, env=one_thread)


def book(arguments: list[str]) -> None:
    """The site, and on request its zip and PDF."""
    if unknown := set(arguments) - {"--zip", "--pdf"}:
        sys.exit(f"book: expected --zip or --pdf, found {', '.join(sorted(unknown))}")
    print(f"site: {site.build(environment.python())}")
    for option, export_as in (("--zip", export.as_zip), ("--pdf", export.as_pdf)):
        if option in arguments:
            print(f"{option[2:]}: {export_as()}")


def check_notebooks(_: list[str]) -> None:
    """What the book's files must keep, without running a notebook."""
    if check.main([]):
        sys.exit(1)


def claims(arguments: list[str]) -> None:
    """List, measure, or verify claims."""
    call(environment.python(), "-m", "tools.book.measure", *arguments, env={"OMP_NUM_THREADS": "1"})


def derive(_: list[str]) -> None:
    """Rewrite what follows from other files."""
    api.main([])
    print("derive: refreshed", *([*models.refresh(), *finish.refresh_texts()] or ["no page"]))


def serve(_: list[str]) -> None:
    """The site, served."""
    python = environment.python()
    site.build(python)
    call(python, "-m", "http.server", "-d", site.HTML, "8000", "--bind", "127.0.0.1")


def run_notebooks(names: list[str]) -> None:
    """Re-run notebooks."""
    files = names or [str(file) for file in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    if not files:
        sys.exit("run: there is no notebook in notebooks/")
    call(environment.python(), "-m", "tools.notebooks", "run", *files)


VERBS: dict[str, Callable[[list[str]], None]] = {
    "": everything,
    "all": everything,
    "test": test,
    "lint": lint,
    "book": book,
    "serve": serve,
    "run": run_notebooks,
    "checkpoints": checkpoints.main,
    "gpu": gpu.main,
    "bench": bench.main,
    "derive": derive,
    "check-notebooks": check_notebooks,
    "claims": claims,
    "lock": lock.main,
}


def main(argv: list[str]) -> None:
    """Do the job that the first argument names."""
    verb, rest = (argv[0], argv[1:]) if argv else ("", [])
    if verb in {"-h", "--help"}:
        print(__doc__)
        return
    if verb not in VERBS:
        sys.exit(f"tools: no job is called {verb!r}; there are: {', '.join(filter(None, VERBS))}")
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    VERBS[verb](rest)


if __name__ == "__main__":
    main(sys.argv[1:])
