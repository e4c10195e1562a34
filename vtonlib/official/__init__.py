"""Released weights of the official repositories, loaded into our own modules."""

from vtonlib.official.load import RELEASES, load
from vtonlib.official.release import Release

__all__ = ["RELEASES", "Release", "load"]
