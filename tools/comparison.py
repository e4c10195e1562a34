"""Two models side by side: what they score and what they paint, each at its own size, on the same people.

python -m tools.comparison runs/stableviton-tiny alias-tiny --reports a/report.json b/report.json --out runs/comparison
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tools import summary
from tools.shell import write

PEOPLE, ROWS = 6, 192
"""How many, and how many pixel rows each picture is enlarged to."""
SHOWN = ("masked SSIM", "garment SSIM", "texture ratio", "colour error", summary.PLACE)
KEPT = "texture ratio"


def text(names: list[str], scores: list[dict[str, dict[str, float]]]) -> str:
    """The table as Markdown: a line for each split and metric that both have."""
    lines = [f"# {' and '.join(names)}, side by side", "", f"| split | metric | {' | '.join(names)} |"]
    lines.append("|---|---|" + "---:|" * len(names))
    for split in scores[0]:
        if not all(split in known for known in scores) or (
            split.endswith(summary.BY_FABRIC) and not split.endswith(f"{KEPT}{summary.BY_FABRIC}")
        ):
            continue
        metrics = [m for m in scores[0][split] if all(m in known[split] for known in scores)]
        for metric in metrics:
            cells = " | ".join(f"{known[split][metric]:.3f}" for known in scores)
            lines.append(f"| {split} | {metric} | {cells} |")
    return "\n".join(lines) + f"\n\n{summary.PLACE}: percent; the least of a model's blocks or flows.\n"


def heads(runs: list[str]) -> list[str]:
    """How the table calls them: a path is a run of one's own, a bare name the shipped model."""
    return [f"{Path(run).name} ({'own run' if '/' in run else 'shipped'})" for run in runs]


def picture(runs: list[Path], out: Path) -> None:
    """Columns: garment, what is given of the person, what each model paints, the truth."""
    import torch.nn.functional as F

    from vtonlib import checkpoints
    from vtonlib.data.source import ordered_batches
    from vtonlib.experiment import load_pipeline, load_source, try_on
    from vtonlib.images import grid, save_png

    def enlarged(images):  # type: ignore[no-untyped-def]
        height, width = images.shape[-2:]
        return F.interpolate(images, (ROWS, round(ROWS * width / height)), mode="nearest-exact")

    columns, last = [], None
    for run in map(checkpoints.located, runs):
        last = next(ordered_batches(load_source(run), "test", count=PEOPLE, unpaired=True))
        columns.append(enlarged(try_on(load_pipeline(run), last).image))
    assert last is not None
    save_png(out, grid([enlarged(last.garment), enlarged(last.agnostic), *columns, enlarged(last.person)]))


def main() -> None:
    """Write comparison.md and comparison.png."""
    parser = argparse.ArgumentParser(prog="python -m tools.comparison")
    parser.add_argument("runs", nargs=2, help="run folders, or names of shipped models")
    parser.add_argument("--reports", nargs=2, type=Path, required=True, help="the report.json of each")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    options = parser.parse_args()
    page = text(heads(options.runs), [summary.read(report) for report in options.reports])
    write(options.out / "comparison.md", page)
    picture([Path(run) for run in options.runs], options.out / "comparison.png")
    print(page)


if __name__ == "__main__":
    main()
