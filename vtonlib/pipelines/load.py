"""Pipelines from folders: only vtonlib's own classes, part by part."""

from __future__ import annotations

import json
import typing
from pathlib import Path
from typing import Any

import torch

from vtonlib.models.stored import is_stored, load_stored
from vtonlib.pipelines.alias import ALIASPipeline
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.pipelines.leffa import LeffaPipeline
from vtonlib.pipelines.translation import TranslationPipeline
from vtonlib.settings import hints_of, within

Pipeline = TryOnDiffusionPipeline | LeffaPipeline | ALIASPipeline | TranslationPipeline
METHODS: dict[type[Pipeline], str] = {
    TryOnDiffusionPipeline: "StableVITON",
    LeffaPipeline: "Leffa",
    ALIASPipeline: "ALIAS",
    TranslationPipeline: "translation",
}
"""How reports call what a pipeline makes."""
INDEX = "model_index.json"


def read_pipeline(folder: Path) -> Pipeline:
    """The pipeline that its ``save_pretrained`` wrote into ``folder``, on the GPU if there is one.

    The index names the pipeline's class; the classes of its parts are those that the class is made of, whatever the
    index says of them. Where a part may be of several classes, the index says which.

    Raises:
        FileNotFoundError: naming the file that is missing.
        ValueError: where the pipeline is not one of vtonlib's, or a part is damaged.
    """
    index = _read_index(folder / INDEX)
    kind = {kind.__name__: kind for kind in METHODS}[index["_class_name"]]
    hints = {
        name: _one_of(hint, index.get(name))
        for name, hint in typing.get_type_hints(kind.__init__).items()
        if name != "return"
    }
    parts = {name: load_stored(hint, folder / name) for name, hint in hints.items() if is_stored(hint)}
    values = {name: index[name] for name in hints if name not in parts and name in index}
    for name, value in values.items():
        within(hints_of(kind.__init__)[name], value, f"{folder / INDEX}: {name}")
    try:
        pipeline = kind(**parts, **values)
    except ValueError as error:
        raise ValueError(f"{folder / INDEX}: {error}") from None
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to("cuda" if torch.cuda.is_available() else "cpu")


def _one_of(hint: Any, entry: Any) -> Any:
    """Of a union of classes the one that an index's ``entry`` (library, class) names, or else the first."""
    kinds = typing.get_args(hint) or (hint,)
    named = entry[-1] if isinstance(entry, list) and entry else None
    return next((kind for kind in kinds if getattr(kind, "__name__", "") == named), kinds[0])


def _read_index(path: Path) -> dict[str, Any]:
    """A ``model_index.json`` that names one of vtonlib's pipelines."""
    known = [kind.__name__ for kind in METHODS]
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        name = index["_class_name"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError(f"{path}: not JSON that names a pipeline") from None
    if name not in known:
        raise ValueError(f"{path}: pipeline {name!r}, expected {' or '.join(known)}")
    return index
