"""A chapter to begin with: every block there is, in its place, and what each of them wants."""

from __future__ import annotations

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.book.links import site
from tools.book.setup_cell import colab

HEADER = """\
<a id="sec-{label}"></a>

# {title}

[![Open in Colab](../book/_static/colab-badge.svg)]({colab})

The chapter's question, in two or three sentences of fifteen to ninety words in all. What is to be seen in the picture
below, and what about it is not what one would expect?"""
SETUP = """\
import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.viz.figures import picture_grid
from vtonlib.viz.notebook import book_figure, setup"""
FIGURE = """\
# @title Figure: what is to be seen
people = World(DataConfig()).paired("train", torch.arange(4))
shown = {"person": people.person, "garment": people.garment}
alt = "Four people, and beside each the garment that they wear."
book_figure(picture_grid(shown), alt=alt, person=people.person)"""
GLANCE = """\
> **At a glance**
>
> **Before this chapter.** [Chapter 1](01_world.ipynb).
>
> **You will be able to**
> - do a first thing;
> - do a second;
> - do a third.
>
> **Cost.** [?]({cost}) on two processor cores; nothing is downloaded."""
BLOCKS = {
    "problem": ("The problem", "One example that fails, to be seen."),
    "by-hand": ("By hand", "Numbers small enough for paper; tag the cell by-hand, so that they may be typed."),
    "definition": ("Definitions", "Equations with anchors, and a table of shapes."),
    "from-scratch": ("From scratch", "A loop, then the same without loop, and an assertion that both agree."),
    "library": ("The same in vtonlib", "What the library calls it, and how the two compare."),
    "limits": ("What it can and cannot see", "Cases that can be written down."),
    "experiment": ("Experiment", "The hypothesis first, and what would refute it; then seeds, controls, the result."),
    "explorer": ("Explore", "A figure that answers back."),
    "disagreements": ("Paper, code, book", "Boxes, each with a test."),
    "evidence": ("Evidence", "Claim by claim: what was shown, how, and what was not."),
    "exercises": ("Exercises", "Five to seven, each with a deliverable and a checker."),
    "solutions": ("Solutions", "Each says why."),
    "references": ("References, and where it goes next", "Papers, and the chapters that go on from here."),
}


def chapter(name: str, title: str) -> nbformat.NotebookNode:
    """The notebook, not yet run.

    Args:
        name: as in ``_toc.yml``, ``notebooks/21_short_name``.
        title: of the chapter.
    """
    stem = name.rpartition("/")[2]
    label = stem.partition("_")[2].replace("_", "-")
    cells = [
        text(HEADER.format(label=label, title=title, colab=colab(name)), "block-header"),
        code(SETUP, "setup"),
        code(FIGURE, "figure", "hide-input"),
        text(GLANCE.format(cost=site("book/status", stem)), "block-glance"),
    ]
    for block, (heading, wants) in BLOCKS.items():
        cells.append(text(f"## {heading}\n\n{wants}", f"block-{block}"))
    return new_notebook(cells=cells)


def text(source: str, *tags: str) -> nbformat.NotebookNode:
    """A cell of text."""
    return new_markdown_cell(source, metadata={"tags": list(tags)})


def code(source: str, *tags: str) -> nbformat.NotebookNode:
    """A cell of code."""
    return new_code_cell(source, metadata={"tags": list(tags)})
