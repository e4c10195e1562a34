"""A module imports only from strictly lower layers; siblings on one layer never import each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools.api import layer, modules
from tools.shell import ROOT

MODULES = modules()


def imported(module: str, source: str, *, package: bool) -> set[str]:
    """The modules that ``source`` imports, anywhere in it, by absolute name."""
    found = set()
    parts = module.split(".") if package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = [*parts[: len(parts) - node.level + 1]] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            found |= {name} if name != "vtonlib" else {f"vtonlib.{alias.name}" for alias in node.names}
    return found


def violations(module: str, source: str, *, package: bool = False) -> list[str]:
    """The imports of vtonlib's own parts that ``module`` must not make."""
    own, part = layer(module), module.split(".")[1]
    inside = {n for n in imported(module, source, package=package) if n.startswith("vtonlib.")} - {
        "vtonlib.__version__"
    }
    return sorted(n for n in inside if n.split(".")[1] != part and layer(n) >= own)


def of_file(module: str, path: Path) -> list[str]:
    return violations(module, path.read_text(encoding="utf8"), package=path.name == "__init__.py")


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_from_lower_layers(module: str) -> None:
    assert of_file(module, MODULES[module]) == []


@pytest.mark.parametrize("module", [m for m in MODULES if m.split(".")[1] not in {"viz", "cli", "__main__"}])
def test_figures_stay_in_viz(module: str) -> None:
    roots = {name.split(".")[0] for name in imported(module, MODULES[module].read_text(encoding="utf8"), package=False)}
    assert roots & {"matplotlib", "ipywidgets", "anywidget", "IPython"} == set()


@pytest.mark.parametrize("module", [m for m in MODULES if layer(m) < layer("vtonlib.models")])
def test_diffusers_stays_above(module: str) -> None:
    roots = {name.split(".")[0] for name in imported(module, MODULES[module].read_text(encoding="utf8"), package=False)}
    assert roots & {"diffusers", "accelerate", "transformers"} == set()


@pytest.mark.parametrize("part", ["losses", "evaluation"])
def test_losses_and_measures_need_no_diffusers(part: str) -> None:
    named = [m for m in MODULES if m.split(".")[1] == part]
    text = "".join(MODULES[m].read_text(encoding="utf8") for m in named)
    assert not any(name.split(".")[0] == "diffusers" for name in imported(f"vtonlib.{part}", text, package=True))


def test_importing_the_library_is_light() -> None:
    lower = [m for m in MODULES if layer(m) < layer("vtonlib.models")]
    code = f"import sys, vtonlib; assert 'torch' not in sys.modules; import {', '.join(lower)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {"diffusers", "matplotlib", "ipywidgets", "accelerate"} & set(done.stdout.split()) == set()


BEYOND_TORCH = {"vtonlib", "jaxtyping", "wadler_lindig", "safetensors", "PIL", "defusedxml"}
"""The packages that the parts below the models import beyond torch's own; book/benchmarks.md has their seconds."""


def test_importing_the_lower_layers_imports_few_packages() -> None:
    lower = [m for m in MODULES if layer(m) < layer("vtonlib.models")]
    packages = "{name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names"
    code = f"import sys, torch; before = {packages}; import {', '.join(lower)}; print(*({packages} - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    beyond = {name for name in done.stdout.split() if not name.startswith("_")}
    assert "vtonlib" in beyond and beyond <= BEYOND_TORCH


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("vtonlib.losses.x", "from vtonlib.models.unet import UNet"),
        ("vtonlib.attention.x", "import vtonlib.data.batch"),
        ("vtonlib.models.x", "def f():\n    from vtonlib.training import Trainer"),
        ("vtonlib.grids", "from vtonlib import data"),
        ("vtonlib.data.x", "from ..attention import core"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str) -> None:
    assert len(violations(module, source)) == 1


def test_right_imports_pass() -> None:
    source = "from vtonlib.attention import Grid\nfrom vtonlib import __version__\nfrom .unet import UNet\nimport torch"
    assert violations("vtonlib.models.x", source) == []
