"""Keep the models of a run: its final weights in half precision, its report and its config, small enough to commit.

python -m tools.store runs/gpu/stableviton-small checkpoints/stableviton-small
python -m tools.store runs/try-on vtonlib/weights/try_on --steps 2
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from tools.gpu import LARGEST_CHECKPOINT

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


def _change(file: Path, *, drop: str = "", **values: object) -> None:
    """Rewrite a JSON object with new values, and without one name."""
    old = json.loads(file.read_text(encoding="utf8"))
    kept = {name: value for name, value in old.items() if name != drop}
    file.write_text(json.dumps({**kept, **values}, indent=2) + "\n", encoding="utf8")


def store(run: Path, out: Path, *, steps: int | None = None) -> None:
    """Copy ``run``'s final folder to ``out``, its weights as float16, with config, report and picture beside them.

    ``steps`` is how often the stored diffusion pipeline denoises, unless told otherwise.

    ``out`` appears, or is replaced, only when all is written.

    Raises:
        SystemExit: when the run is not finished, or a file cannot be stored so.
    """
    from vtonlib.disk import atomic_folder

    final = run / "final"
    if not final.is_dir():
        sys.exit(f"{run}: not finished, there is no final/ in it")
    with atomic_folder(out) as folder:
        shutil.copytree(final, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors"))
        for file in sorted(final.rglob("*.safetensors")):
            halve(file, folder / file.relative_to(final))
        for settings in folder.rglob("*.json"):
            _change(settings, drop="_name_or_path")  # where on this machine a network was read from
        if steps is not None:
            _change(folder / "model_index.json", default_denoising_steps=steps)
        for name in BESIDE:
            if (run / name).exists():
                shutil.copy2(run / name, folder / name)
    print(f"stored: {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.store")
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, help="denoising steps of the stored diffusion pipeline")
    options = parser.parse_args()
    store(options.run, options.out, steps=options.steps)
