"""A book of one small chapter that keeps every rule, in a copy of the repository: for tests that break one rule."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.book.anatomy import BLOCKS
from tools.shell import ROOT
from tools.site import published

NAME = "notebooks/90_sample"
SITE = published()
HEADER = """\
<a id="sec-sample"></a>

# A sample

[![Open in Colab](../book/_static/colab-badge.svg)](https://colab.research.google.com/github/someone/else/blob/main/notebooks/old.ipynb)

How large is the mean of a picture where only the garment counts, and what happens if the mask is forgotten?"""
GLANCE = f"""\
> **At a glance**
>
> **Before this chapter.** Nothing.
>
> **You will be able to**
> - average;
> - mask;
> - compare.
>
> **Cost.** [?]({SITE}book/status.html#90_sample), nothing is downloaded."""
DEFINITION = f"""\
## Definition
The mean over a mask:

<a id="eq-sample-mean"></a>

$$
\\bar x = \\frac{{\\sum_i m_i x_i}}{{\\sum_i m_i}}
$$

It is ?<!--inside--> here, by [(?)](#eq-sample-mean). Over many seeds it is [?]({SITE}book/claims.html#sample.mean)
([?]({SITE}book/claims.html#sample.mean.interval)). See [D901]({SITE}book/ledger.html#d901),
[a paper]({SITE}book/bibliography.html#kim2024stableviton) and
[`masked_mean`]({SITE}book/api.html#vtonlib.grids.masked_mean)."""
BOX = f"""\
## Disagreements

> **D901. Mean or sum?**
>
> **Paper.** [Park et al. (2019)]({SITE}book/bibliography.html#park2019spade): a
> mean.
>
> **Official code.** A sum.
>
> **This book.** A mean."""
EXERCISE = """\
### Exercise 90.{n} [short-code] Average inside
Average the values inside the mask.

**Deliverable.** A function `mean(x, mask)`."""
STUB = """\
def mean_{n}(x, mask):
    pass


check.masked_mean(mean_{n})"""
SOLUTION = """\
# @title Solution 90.{n}
check.masked_mean(lambda x, mask: (x * mask).sum() / (mask.sum() * x.shape[1]))"""
FIGURE = """\
# @title Figure: a line
figure, axes = plt.subplots(figsize=(2, 2))
axes.plot(range(6))
book_figure(figure, alt="A rising line.", x=range(6))"""
CLAIM = {
    "statement": "The mean is {mean}.",
    "section": "sec-sample",
    "device": "cpu",
    "seeds": [0, 1, 2],
    "again": "all seeds",
    "metrics": {"mean": {"format": ".2f", "unit": "1"}},
    "conditions": [
        {
            "metric": "mean",
            "op": "<=",
            "bound": 0.6,
            "of": "every seed",
            "hypothesis": "Uniform numbers average to a half.",
        }
    ],
}
MEASURE = '''\
"""A sample claim."""

import torch

from vtonlib.grids import masked_mean


def measure(seed: int) -> dict[str, float]:
    """The mean of some numbers."""
    x = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(seed))
    return {"mean": float(masked_mean(x, (x[:, :1] > 0.1).float()))}
'''
TESTS = """\
import pytest

from vtonlib.grids import masked_mean


@pytest.mark.equation("eq-sample-mean")
@pytest.mark.disagreement("D901")
def test_masked_mean():
    assert masked_mean
"""
# A formula, the same formula made wrong, and where it is: the mutation that must not pass.
FORMULA_FILE = "vtonlib/grids.py"
FORMULA = "(x * weight).sum() / (counted(weight.sum()) * x.shape[1])"
WRONG_FORMULA = "x.sum() / (counted(weight.sum()) * x.shape[1])"


def chapter() -> nbformat.NotebookNode:
    """The chapter, not yet run."""
    text = {"header": HEADER, "glance": GLANCE, "definition": DEFINITION, "disagreements": BOX}
    blocks = {name: _text(text.get(name, f"## {name}\nText."), f"block-{name}") for name in BLOCKS}
    imports = "import matplotlib.pyplot as plt\nimport torch\n\nfrom vtonlib import check"
    imports += "\nfrom vtonlib.grids import masked_mean"
    imports += "\nfrom vtonlib.viz.notebook import book_figure, quote, setup"
    numbers = "x = torch.arange(24.0).reshape(1, 1, 4, 6)\nmask = (x > 11).float()\n"
    inside = '# @title Numbers for the text\nquote(inside=f"{masked_mean(x, mask):.2f}")'
    by_loop = "torch.testing.assert_close(masked_mean(x, mask), x[mask > 0].mean())"
    cells = [blocks.pop("header"), _code(imports, "setup"), _code(FIGURE, "figure", "hide-input")]
    cells += [blocks.pop("glance"), _code(numbers), _code(inside, "hide-input"), _code(by_loop)]
    for name, cell in blocks.items():
        cells.append(cell)
        numbered = range(1, 6) if name in {"exercises", "solutions"} else ()
        for n in numbered:
            if name == "exercises":
                cells += [_text(EXERCISE.format(n=n), "exercise"), _code(STUB.format(n=n), "exercise")]
            else:
                cells.append(_code(SOLUTION.format(n=n), "solution", "hide-input"))
    notebook = new_notebook(cells=cells)
    notebook.metadata["book"] = {"without": {"words": "a sample is short"}}
    return notebook


def _text(source: str, *tags: str) -> nbformat.NotebookNode:
    return new_markdown_cell(source, metadata={"tags": list(tags)})


def _code(source: str, *tags: str) -> nbformat.NotebookNode:
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def copy_repository(root: Path) -> None:
    """The sources that the checks read, without the book's own chapters, claims and tests."""
    skipped = shutil.ignore_patterns("__pycache__", "*.safetensors")
    for name in ("vtonlib", "tools", "book"):
        shutil.copytree(ROOT / name, root / name, ignore=skipped)
    for name in ("_config.yml", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    for file in (root / "vtonlib").rglob("*.py"):
        text = file.read_text(encoding="utf8")
        if "Equation" in text:
            file.write_text(re.sub(r"Equations?: eq-", "Formula: eq-", text), encoding="utf8")
    (root / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "conftest.py", root / "notebooks")
    shutil.copytree(ROOT / "tests" / "support", root / "tests" / "support", ignore=skipped)
    shutil.copy(ROOT / "tests" / "nbval.cfg", root / "tests")


def write_book(root: Path) -> None:
    """The sample's files: chapter, contents, claim, tests, and the equation's label in its function's docstring."""
    (root / "_toc.yml").write_text(f"format: jb-book\nroot: {NAME}\n")
    (root / "claims").mkdir()
    (root / "claims" / "sample.json").write_text(json.dumps(CLAIM))
    (root / "claims" / "sample.py").write_text(MEASURE)
    (root / "tests" / "test_sample.py").write_text(TESTS)
    edit(root / FORMULA_FILE, "An empty mask gives 0 with gradient 0, not NaN.", "Equation: eq-sample-mean.")
    nbformat.write(chapter(), root / f"{NAME}.ipynb")


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that must be there."""
    text = file.read_text(encoding="utf8")
    assert old in text, f"{file.name} no longer holds: {old}"
    file.write_text(text.replace(old, new), encoding="utf8")


def tool(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module in the copy, on the copy's vtonlib."""
    env = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "JUPYTER_PLATFORM_DIRS": "1"}
    return subprocess.run([sys.executable, "-m", *arguments], cwd=root, env=env, capture_output=True, text=True)


def make(root: Path) -> Path:
    """The whole sample, measured and run."""
    copy_repository(root)
    write_book(root)
    for arguments in (("tools.book.measure", "--measure", "sample"), ("tools.notebooks", "run", f"{NAME}.ipynb")):
        done = tool(root, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    return root
