"""What is wrong with a folder of images: one record for all, and the error that carries it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a folder: where, what was found, what was expected, and what to do about it."""

    file: Path
    """Where it is wrong."""
    found: str
    """What is there."""
    expected: str
    """What should be there."""
    remedy: str
    """What to do about it, as a sentence without its full stop."""

    def __str__(self) -> str:
        return f"{self.file}: found {self.found}, expected {self.expected}. {self.remedy}."


class FolderError(ValueError):
    """A folder, or a file in it, cannot be read; the message is that of the first :class:`Problem`."""

    def __init__(self, problem: Problem, *others: Problem) -> None:
        root_hint = f" (and {len(others)} more: python -m vtonlib data check lists them all)" if others else ""
        super().__init__(f"{problem}{root_hint}")
        self.problem = problem
        self._problems = (problem, *others)

    def __reduce__(self) -> tuple[type[FolderError], tuple[Problem, ...]]:
        """How a data loader's worker hands the error on."""
        return FolderError, self._problems
