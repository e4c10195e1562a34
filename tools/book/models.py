"""The shipped models, the speed run and its trials, as Markdown; and the README's sentence on its picture."""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any

from tools.shell import ROOT, write
from vtonlib import checkpoints

README = ROOT / "README.md"
TRIALS = ROOT / "benchmarks" / "results" / "trials.json"
BEGIN, END = "<!-- Written by: python3 -m tools derive -->", "<!-- until here -->"
QUALITY = ("gold", "silver", "bronze")


def sentence() -> str:
    """How the model of the first pages was made, and where it stands."""
    name = checkpoints.DEFAULT
    made = checkpoints.provenance(name).sentence()
    return f"The model is `{name}`. It comes with the library, and was trained in these steps: {made}"


def with_sentence(text: str) -> str:
    """``text`` with the sentence between its two marks.

    Raises:
        ValueError: where the marks are missing.
    """
    pattern = re.compile(rf"{re.escape(BEGIN)}\n.*?{re.escape(END)}", flags=re.S)
    if not pattern.search(text):
        raise ValueError(f"README.md: expected {BEGIN} and {END}")
    return pattern.sub(lambda _: f"{BEGIN}\n{textwrap.fill(sentence(), 120, break_on_hyphens=False)}\n{END}", text)


def refresh() -> list[str]:
    """Bring the README up to date; its name, if it changed."""
    text = README.read_text(encoding="utf8")
    if (now := with_sentence(text)) == text:
        return []
    write(README, now)
    return [README.name]


def rows() -> list[tuple[str, ...]]:
    """Each shipped model: name, how made, and what it scores on people that it was not trained on."""
    found: list[tuple[str, ...]] = []
    for name in checkpoints.NAMES:
        made = checkpoints.provenance(name)
        cells = []
        for split in ("unpaired, laid straight", "unpaired, laid anyhow", "cross, laid anyhow"):
            scores = made.scores.get(split, {})
            known = (f"{scores[m]:.{n}f}" for m, n in (("masked SSIM", 2), ("EPE of height", 1)) if m in scores)
            cells.append(" / ".join(known) or "-")
        found.append((f"`{name}`", made.sentence(), *cells))
    return found


def pose_rows() -> list[tuple[str, ...]]:
    """Each shipped pose transfer: name, how made, and what it scores on people that it was not trained on."""
    found: list[tuple[str, ...]] = []
    for name in checkpoints.POSES:
        made = checkpoints.provenance(name)
        splits = (made.scores[split] for split in POSE_HEADS[2:])
        cells = (f"{scores['masked SSIM']:.2f} / {scores['EPE of height']:.1f}" for scores in splits)
        found.append((f"`{name}`", made.sentence(), *cells))
    return found


def translation_rows() -> list[tuple[str, ...]]:
    """Each shipped translation: name, how made, and its scores on the test split's people."""
    found: list[tuple[str, ...]] = []
    for name in checkpoints.TRANSLATIONS:
        made = checkpoints.provenance(name)
        cells = (f"{made.scores['test'][metric]:.2f}" for metric in TRANSLATION_HEADS[2:])
        found.append((f"`{name}`", made.sentence(), *cells))
    return found


TRANSLATION_HEADS = ("model", "made", "patterned", "FID", "KID", "outside L1", "outside SSIM")
POSE_HEADS = ("model", "made", "paired", "unpaired", "cross")
HEADS = ("model", "made", "unpaired, straight", "unpaired, anyhow", "cross, anyhow")


def trials() -> dict[str, Any]:
    """What was entered and tried."""
    return json.loads(TRIALS.read_text(encoding="utf8"))


def ranked(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries of the speed run, the best quality first, and in it the fastest."""

    def rank(entry: dict[str, Any]) -> tuple[int, float]:
        return (QUALITY.index(entry["quality"]) if entry["quality"] in QUALITY else len(QUALITY), entry["seconds"])

    return sorted(entries, key=rank)


def entry_rows(entries: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The rows of the speed run's table."""
    found: list[tuple[str, ...]] = []
    for entry in ranked(entries):
        runs = entry["runs"]
        likeness = ", ".join(f"{run['masked_ssim']:.3f}" for run in runs)
        error = ", ".join(f"{run['epe_percent']:.1f}" for run in runs)
        settings = " ".join(f"`{setting}`" for setting in entry["settings"]) or "the preset as it is"
        cells = (entry["quality"] or "none", f"{entry['seconds']} s", likeness, error, settings, entry["machine"])
        found.append((entry["name"], entry["what"], entry["brought"], *cells))
    return found


ENTRY_HEADS = (
    *("entry", "what changed", "what it brought", "quality", "time", "masked SSIM"),
    *("EPE, % of height", "settings", "machine"),
)


def trial_rows(tried: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """What was tried, in order."""
    found: list[tuple[str, ...]] = []
    for trial in tried:
        likeness = ", ".join(f"{name}: {value:.3f}" for name, value in trial["masked_ssim"].items())
        error = "-" if trial["epe_pixels"] is None else f"{trial['epe_pixels']:g}"
        found.append((f"**{trial['name']}.** {trial['what']}", trial["setting"], likeness, error, trial["brought"]))
    return found


TRIAL_HEADS = ("trial", "measured on", "masked SSIM", "EPE, pixels", "what it brought")
