"""Folders of examples in the layout of VITON-HD: written from any source, checked as a whole, read as a source."""

from vtonlib.data.folders.check import check_folder, folder_uses
from vtonlib.data.folders.layout import FolderError, Problem
from vtonlib.data.folders.lists import Pair
from vtonlib.data.folders.loose import read_files, read_image
from vtonlib.data.folders.read import Folder
from vtonlib.data.folders.write import write_folder

__all__ = [
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
