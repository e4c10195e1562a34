"""Released weights of the official repositories, loaded into our own modules."""

from vtonlib.official.release import Release

__all__ = ["Release"]
