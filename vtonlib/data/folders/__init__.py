"""Folders of VITON-HD, DressCode, DeepFashion and persons alone: written, checked as a whole, read as a source."""

from vtonlib.data.folders.check import check_folder, folder_uses
from vtonlib.data.folders.layouts import LAYOUTS
from vtonlib.data.folders.loose import read_files, read_image
from vtonlib.data.folders.problem import FolderError, Problem
from vtonlib.data.folders.read import Folder
from vtonlib.data.folders.rows import Pair
from vtonlib.data.folders.write import write_folder

__all__ = [
    "LAYOUTS",
    "Folder",
    "FolderError",
    "Pair",
    "Problem",
    "check_folder",
    "folder_uses",
    "read_files",
    "read_image",
    "write_folder",
]
