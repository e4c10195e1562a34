"""The known layouts, and which of them a folder has."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from vtonlib.config import FolderLayout
from vtonlib.data.folders.deepfashion import DEEPFASHION, PICTURES
from vtonlib.data.folders.dresscode import DRESSCODE
from vtonlib.data.folders.files import broken_link, folder_fault, lies_at
from vtonlib.data.folders.layout import Layout, found_as
from vtonlib.data.folders.persons import GARMENTS, PERSONS
from vtonlib.data.folders.problem import FolderError, Problem
from vtonlib.data.folders.viton_hd import VITON_HD
from vtonlib.data.source import SPLITS

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (VITON_HD, DRESSCODE, DEEPFASHION, PERSONS)}
"""The layouts by the names that settings have for them."""
KNOWN = "VITON-HD, DressCode, DeepFashion or persons alone"
OTHER_NAMES = {"upper_body": ("upper", "tops"), "lower_body": ("lower", "bottoms"), "dresses": ("dress",)}
"""Names that people give to DressCode's categories."""
SIGNS = (
    "train_pairs.txt and train/ (VITON-HD), upper_body/ (DressCode), train_pairs.csv and img/ (DeepFashion), "
    "or image/ and garments/ (persons alone)"
)


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


def _is_persons(root: Path) -> bool:
    """Whether persons lie in a folder, and no garments beside them."""
    picture = PERSONS.persons.parts[0]
    garments = any(os.path.isdir(root / part.folder) for part in VITON_HD.garments.parts)
    listed = lies_at(root / PERSONS.lists["test"]) or lies_at(root / GARMENTS)
    return (os.path.isdir(root / picture.folder) or listed) and not garments


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
    if names == ["viton_hd"] and _is_persons(root) and not any(os.path.isdir(root / split) for split in SPLITS):
        names = []  # whose list has VITON-HD's name
    return names or ["persons"] * _is_persons(root) or ["dresscode"] * bool(_misnamed(root))


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
        if target := broken_link(root):
            found, remedy = f"a link to nothing ({target})", "Correct the link"
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


def garments_at(root: Path, layout: Layout) -> tuple[Path, Layout]:
    """Where the garments of a data set lie, and in which layout: with its persons; of persons alone in ``garments/``,
    which may be a link to another data set.

    Raises:
        FolderError: if no folder with garments lies there.
    """
    if not layout.persons_only:
        return root, layout
    place, found = at(root / GARMENTS)
    if found.transfers_pose or found.persons_only:
        expected, remedy = "a folder of VITON-HD or DressCode", "Put another there, or link to it"
        raise FolderError(Problem(place, f"a folder of {found.title}, without garments", expected, remedy))
    return place, found


def other_use(root: Path, layout: Layout) -> Problem:
    """The problem that a folder of pose transfer is to be tried on, or the other way round."""
    if layout.transfers_pose:
        found, expected = (
            f"a folder of {layout.title}, for pose transfer",
            "garments to try on (data.reference=garment)",
        )
        remedy = "Name a folder of VITON-HD or DressCode, or transfer poses: preset leffa_pose, model leffa-pose-tiny, "
        return Problem(root, found, expected, remedy + "or --set data.reference=person")
    found = f"a folder of {layout.title}, whose references are garments"
    remedy = "Name a folder of DeepFashion, or set data.reference=garment"
    return Problem(root, found, "references that show the person (data.reference)", remedy)


def persons_alone(root: Path, wanted: str) -> Problem:
    """The problem that something else than the unpaired task is asked of a folder of persons alone."""
    found = "a folder of persons alone, without pictures of what they wear"
    return Problem(root, found, wanted, "Use the unpaired examples of its split test")
