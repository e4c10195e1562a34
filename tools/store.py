"""Keep the models of a run: its final weights in half precision, its report and its config, small enough to commit.

python -m tools.store runs/gpu/stableviton-small checkpoints/stableviton-small
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tools.gpu import LARGEST_CHECKPOINT


def store(run: Path, out: Path) -> None:
    """Copy ``run``'s final folder to ``out``, its weights as float16, with config, report and picture beside them.

    Raises:
        SystemExit: when the run is not finished, or a file is too large to be committed.
    """
    from safetensors.torch import load_file, save_file

    if not (run / "final").is_dir():
        sys.exit(f"{run}: not finished, there is no final/ in it")
    temporary = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(run / "final", temporary)
    for file in temporary.rglob("*.safetensors"):
        save_file({name: x.half() if x.is_floating_point() else x for name, x in load_file(file).items()}, file)
        if file.stat().st_size >= LARGEST_CHECKPOINT:
            sys.exit(f"{file.name}: {file.stat().st_size} bytes in half precision, expected under {LARGEST_CHECKPOINT}")
    for name in ("config.json", "report.md", "report.json", "grid.png"):
        if (run / name).exists():
            shutil.copy2(run / name, temporary / name)
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary.rename(out)
    print(f"stored: {out}")


if __name__ == "__main__":
    store(Path(sys.argv[1]), Path(sys.argv[2]))
