"""The known layouts, and which of them a folder has."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from vtonlib.config import FolderLayout
from vtonlib.data.folders.deepfashion import DEEPFASHION, PICTURES
from vtonlib.data.folders.dresscode import DRESSCODE
from vtonlib.data.folders.files import folder_fault, lies_at
from vtonlib.data.folders.layout import Layout, found_as
from vtonlib.data.folders.problem import FolderError, Problem
from vtonlib.data.folders.viton_hd import VITON_HD
from vtonlib.data.source import SPLITS

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (VITON_HD, DRESSCODE, DEEPFASHION)}
"""The layouts by the names that settings have for them."""
KNOWN = "VITON-HD, DressCode or DeepFashion"
OTHER_NAMES = {"upper_body": ("upper", "tops"), "lower_body": ("lower", "bottoms"), "dresses": ("dress",)}
"""Names that people give to DressCode's categories."""
SIGNS = "train_pairs.txt and train/ (VITON-HD), upper_body/ (DressCode), or train_pairs.csv and img/ (DeepFashion)"


def _categories(root: Path) -> tuple[str, ...]:
    """DressCode's categories that lie in a folder."""
    return tuple(name for name in DRESSCODE.sections if os.path.isdir(root / name))


def _is_category(root: Path) -> bool:
    """Whether a folder is that of one of DressCode's categories, whatever it is called."""
    if _categories(root) or os.path.isdir(root / "train") or os.path.isdir(root / "test"):
        return False
    if Path(os.path.abspath(root)).name in DRESSCODE.sections:
        return True
    folders = ("images", "label_maps", "agnostic_masks")
    return (root / DRESSCODE.lists["test"]).exists() or all(os.path.isdir(root / name) for name in folders)


def _is_viton_hd(root: Path) -> bool:
    lists = any(os.path.lexists(root / name) for name in VITON_HD.lists.values())
    return any(os.path.isdir(root / split) for split in SPLITS) or (lists and not _categories(root))


def _is_deepfashion(root: Path) -> bool:
    names = [name for split, name in DEEPFASHION.lists.items()]
    names += [name for others in DEEPFASHION.list_aliases.values() for name in others]
    return os.path.isdir(root / PICTURES) or any(os.path.lexists(root / name) for name in names)


def recognised(root: Path) -> list[str]:
    """The layouts whose lists or folders lie in ``root``: one, if it is in order."""
    if _is_category(root):
        return ["dresscode"]
    found = {
        "viton_hd": _is_viton_hd(root),
        "dresscode": bool(_categories(root)),
        "deepfashion": _is_deepfashion(root),
    }
    names = [name for name, there in found.items() if there]
    return names or ["dresscode"] * bool(_misnamed(root))


def _misnamed(root: Path) -> list[tuple[str, str]]:
    """DressCode's categories that lie under other names, and these names."""
    found = [(name, found_as(root, name, OTHER_NAMES[name])) for name in DRESSCODE.sections]
    return [(name, other) for name, other in found if other and not os.path.isdir(root / name)]


def _at_dresscode(root: Path) -> tuple[Path, Layout]:
    """The folder above the categories, and the layout of those that are meant: all, or the one that is ``root``."""
    if not _is_category(root) or not os.path.isdir(root):
        for name, other in _misnamed(root):
            remedy = f"Rename {other}/ to {name}/"
            raise FolderError(Problem(root / other, "an unknown category", " or ".join(DRESSCODE.sections), remedy))
        return root, replace(DRESSCODE, sections=_categories(root) or DRESSCODE.sections)
    root = Path(os.path.abspath(root))
    if root.name not in DRESSCODE.sections:
        remedy = f"Rename the folder {root.name}/"
        raise FolderError(Problem(root, "an unknown category", " or ".join(DRESSCODE.sections), remedy))
    return root.parent, replace(DRESSCODE, sections=(root.name,))


def at(root: Path, layout: FolderLayout = "auto") -> tuple[Path, Layout]:
    """The root of a data set and its layout: the named one, or the one that is recognised by what lies there.

    The root of one category of DressCode is the folder above it.

    Raises:
        FolderError: if nothing, or more than one layout is recognised; for a category that DressCode does not have.
    """
    if layout == "auto":
        found, remedy = ("a file" if lies_at(root) else "nothing"), "Correct the path"
        if os.path.isdir(root):
            found, remedy = folder_fault(root, root)
        if found:
            raise FolderError(Problem(root, found, f"a folder of {KNOWN}", remedy))
        names = recognised(root)
        if not names:
            remedy = "Correct the path, or write such a folder with python -m vtonlib data make"
            raise FolderError(Problem(root, "neither lists of pairs nor their pictures", SIGNS, remedy))
        if len(names) > 1:
            found = f"the lists or folders of {' and '.join(LAYOUTS[name].title for name in names)}"
            remedy = f"Name the one that is meant with data.layout={' or '.join(names)} (data check: --layout)"
            raise FolderError(Problem(root, found, "one layout", remedy))
        layout = names[0]  # type: ignore[assignment]
    if layout == "dresscode":
        return _at_dresscode(root)
    return root, LAYOUTS[layout]
