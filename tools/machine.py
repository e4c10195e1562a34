"""What a measurement was taken on. Run with the interpreter that measured: ``python -m tools.machine``."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path


def cpu_name() -> str:
    """The processor's model, as the system names it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def describe() -> dict[str, object]:
    """Processor, cores, accelerator, whether training is natively done in bf16, and versions."""
    import torch

    from vtonlib.training.precision import computes_in_bf16

    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "bf16": computes_in_bf16(torch.device("cuda" if torch.cuda.is_available() else "cpu")),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "diffusers": importlib.metadata.version("diffusers"),
    }


def words() -> str:
    """The machine as a sentence calls it."""
    known = describe()
    cores = f"{known['cores']} cores of an {known['cpu']}" if known["cores"] != 1 else f"a core of an {known['cpu']}"
    return f"one {known['gpu']} and {cores}" if known["gpu"] else cores


def fast_settings(known: dict[str, object]) -> list[str]:
    """What ``train --set`` is given for speed on a machine that :func:`describe` knows: bf16 where it is native."""
    return ["train.precision=bf16"] if known["bf16"] else []


if __name__ == "__main__":
    print(json.dumps(describe()))
