"""Run notebooks and store them in one normal form, so that differences show only real changes.

python -m tools.notebooks run notebooks/x.ipynb ...    execute in place, then normalise
python -m tools.notebooks fix notebooks/*.ipynb        normalise only (after hand edits)
python -m tools.notebooks check notebooks/*.ipynb      fail if a file is not in normal form
python -m tools.notebooks new notebooks/x.ipynb TITLE  a chapter to begin with: every block, in its place
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat

from tools.book import finish, provenance, setup_cell, skeleton
from tools.shell import write

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
KEPT_CELL_METADATA = ("mystnb", "tags")
KEPT_METADATA = ("book", provenance.KEY)
BAR = re.compile(r"\d+%\|")  # as tqdm draws it
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def normalise(notebook: nbformat.NotebookNode, stem: str) -> nbformat.NotebookNode:
    """The notebook with stable cell ids, only the metadata that pages use, and outputs that hold on every machine."""
    kept = {key: notebook.metadata[key] for key in KEPT_METADATA if notebook.metadata.get(key)}
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}, **kept})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        kept = {k: cell.metadata[k] for k in KEPT_CELL_METADATA if cell.metadata.get(k)}
        cell.metadata = nbformat.from_dict(kept | folding(set(kept.get("tags", ()))))
        cell.source = "\n".join(line.rstrip() for line in cell.source.rstrip().split("\n"))
        if not re.fullmatch(r"[a-z0-9-]{3,40}", cell.get("id", "")) or cell.id in seen:
            cell.id = f"{stem[:20].replace('_', '-')}-{number:02d}"
        seen.add(cell.id)
        for result in cell.get("outputs", []):
            normalise_output(result)
    return notebook


def folding(tags: set[str]) -> dict[str, Any]:
    """What folds a cell's code in JupyterLab and in Colab, which shows its first line ``# @title ...`` instead."""
    return {"jupyter": {"source_hidden": True}, "cellView": "form"} if tags & setup_cell.FOLDED else {}


def normalise_output(result: nbformat.NotebookNode) -> None:
    """Take out of one output what changes with every run: widget ids, file names and addresses in tracebacks."""
    result.get("metadata", {}).clear()
    result.get("data", {}).pop(WIDGET_VIEW, None)
    if result.output_type == "error":
        result.traceback = [f"{result.ename}: {result.evalue}"]


def problems(notebook: nbformat.NotebookNode) -> list[str]:
    """Why the stored outputs cannot be those of one run from the top, cell by cell."""
    found, count = [], 0
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        count += 1
        if cell.execution_count != count:
            found.append(
                f"cell {number}: execution_count is {cell.execution_count}, expected {count} (run from the top)"
            )
        if cell.source.rstrip().endswith(";"):
            found.append(f"cell {number}: ends with ';' (nbval does not honour it)")
        found += [f"cell {number}: {problem}" for problem in output_problems(cell)]
    return found


def output_problems(cell: nbformat.NotebookNode) -> list[str]:
    """Errors that the cell does not announce, frozen bars, and writing to stderr."""
    announced = "raises-exception" in cell.metadata.get("tags", [])
    errors = [f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error" and not announced]
    bars = [o for o in cell.outputs if BAR.search(o.get("text", "") or o.get("data", {}).get("text/plain", ""))]
    errors += ["shows a progress bar, which would stand still on the page"] if bars else []
    return errors + ["writes to stderr" for o in cell.outputs if o.output_type == "stream" and o.name == "stderr"]


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run every cell from the top, in ``folder``."""
    from nbclient import NotebookClient

    client = NotebookClient(notebook, timeout=900, kernel_name="python3", record_timing=False, store_widget_state=False)
    client.resources = {"metadata": {"path": str(folder)}}
    client.execute()


def processor_seconds() -> float:
    """What ended child processes computed: a kernel's time on a quiet machine, however busy this one is."""
    times = os.times()
    return times.children_user + times.children_system


def begin(path: Path, title: str) -> int:
    """Write a chapter to begin with."""
    if path.exists():
        sys.exit(f"{path}: there is such a notebook already")
    write(path, nbformat.writes(normalise(skeleton.chapter(finish.name_of(path), title), path.stem)) + "\n")
    print(f"{path}: written; add it to _toc.yml, then: python -m tools.notebooks run {path}")
    return 0


def main(argv: list[str]) -> int:
    """Do one of the jobs; 1 if anything is wrong."""
    if argv[:1] == ["new"] and len(argv) == 3:
        return begin(Path(argv[1]), argv[2])
    if len(argv) < 2 or argv[0] not in {"run", "fix", "check"}:
        sys.exit(__doc__)
    # Readers see progress bars, stored outputs do not; one thread gives the same sums everywhere.
    os.environ |= {"TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"}
    job, failed = argv[0], False
    for path in map(Path, argv[1:]):
        if not path.is_file():
            sys.exit(f"{path}: there is no such notebook")
        before = path.read_text(encoding="utf8")
        notebook = nbformat.read(path, as_version=4)
        name = finish.name_of(path)
        if job == "run":
            finish.prepare(notebook, name)
            start = processor_seconds()
            execute(notebook, path.parent)
            finish.sign(notebook, name, processor_seconds() - start)
        if job != "check":
            finish.complete(notebook, name)
        after = nbformat.writes(normalise(notebook, path.stem)) + "\n"
        found = problems(notebook)
        if job != "check":
            write(path, after)
        elif after != before:
            found.append(f"not in normal form: python -m tools.notebooks fix {path}")
        failed |= bool(found)
        print(*(f"{path}: {problem}" for problem in found or ["ok"]), sep="\n", flush=True)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
