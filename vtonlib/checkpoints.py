"""The trained models that come with the library, by name, and how each was made.

``pipeline, world = checkpoints.load("alias-tiny"), checkpoints.source("alias-tiny")``

Their records are read without torch; it is imported where a model is opened.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from vtonlib.data.source import TryOnSource
    from vtonlib.pipelines.load import Pipeline

WEIGHTS = Path(__file__).with_name("weights")
"""Where they lie: a folder for each, as ``save_pretrained`` writes it, in half precision."""
RECORD = "provenance.json"
"""What is known of a model's making, in its folder."""
ALL: tuple[str, ...] = tuple(sorted(record.parent.name for record in WEIGHTS.glob(f"*/{RECORD}")))
"""Every name."""
TRANSLATIONS: tuple[str, ...] = tuple(name for name in ALL if name.startswith("translation"))
"""Those that translate pictures."""
POSES: tuple[str, ...] = tuple(name for name in ALL if name.startswith("leffa-pose"))
"""Those that paint people in another pose."""
NAMES: tuple[str, ...] = tuple(name for name in ALL if name not in TRANSLATIONS + POSES)
"""Those that try garments on."""
DEFAULT = "stableviton-small"
"""The one that README, first page and chapter 00 show. Whoever changes it runs `python -m tools.first_result`,
`python3 -m tools derive` and `python3 -m tools run notebooks/00_how_to_use.ipynb`, which say the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One of the trainings that a model is made of."""

    preset: str
    """What was trained."""
    size: str
    """The preset's size."""
    steps: int
    """Updates."""
    batch_size: int
    """Examples of each."""
    seed: int
    """Of weights, noise and order."""
    hours: float | None
    """How long it took; None where nobody noted it."""
    config: dict[str, Any]
    """All settings, as the run stored them."""

    @property
    def told(self) -> bool:
        """Whether its attention was told the true correspondence, which only the world knows."""
        supervision = self.config.get("task", {}).get("supervision", {})
        return max(supervision.get("coordinates", 0), supervision.get("rows", 0)) > 0

    def words(self) -> str:
        """For a sentence: what, how long, and whether its attention was told the truth."""
        took = "" if self.hours is None else f", {_duration(self.hours)}"
        told = "; attention told the true flow" if self.told else ""
        return f"{self.preset} {self.size} ({self.steps:,} steps of {self.batch_size}{took}{told})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a shipped model was made, and what it scores."""

    trainings: tuple[Training, ...]
    """Each training, in order; a later one starts from what an earlier one left, or is joined with it."""
    machine: str
    """Where, in words."""
    examples: int
    """People of each split that the scores were measured on."""
    scores: dict[str, dict[str, float]]
    """Numbers of its report, by split and metric."""

    @property
    def hours(self) -> float | None:
        """Of all trainings together; None where one is not known."""
        known = [training.hours for training in self.trainings]
        return None if None in known else sum(hours for hours in known if hours is not None)

    def sentence(self) -> str:
        """How it was made, to be read by people."""
        parts = ", then ".join(training.words() for training in self.trainings)
        seeds = sorted({training.seed for training in self.trainings})
        total = "" if self.hours is None else f"{_duration(self.hours)} in all, "
        return f"{parts}: {total}on {self.machine}, seed {' and '.join(map(str, seeds))}."

    def to_json(self) -> str:
        """As :meth:`from_json` reads it."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, where: str = "provenance") -> Self:
        """The record that :meth:`to_json` wrote; ``where`` names the file in errors.

        Raises:
            ValueError: if the text is not such a record.
        """
        try:
            values = json.loads(text)
            trainings = tuple(Training(**training) for training in values.pop("trainings"))
            return cls(trainings=trainings, **values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"{where}: not a model's provenance record ({type(error).__name__}: {error}); "
                "`python -m tools.store` writes one"
            ) from None


def _duration(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"


def folder(name: str = DEFAULT) -> Path:
    """Where the weights of a shipped model lie.

    Raises:
        ValueError: for an unknown name, listing the known ones.
    """
    if name not in ALL:
        raise ValueError(f"no shipped model is called {name!r}; there are: {', '.join(ALL)}")
    return WEIGHTS / name


def load(name: str = DEFAULT) -> Pipeline:
    """The pipeline of a shipped model, on the GPU if there is one.

    Raises:
        ValueError: for an unknown name, listing the known ones.

    Book: sec-first-success.
    """
    from vtonlib.pipelines.load import read_pipeline

    return read_pipeline(folder(name))


def source(name: str = DEFAULT) -> TryOnSource:
    """The examples that a shipped model was trained on, and its test examples.

    Raises:
        ValueError: for an unknown name, listing the known ones.
    """
    from vtonlib.presets import open_source, read_config

    return open_source(read_config(folder(name) / "config.json").data)


def provenance(name: str = DEFAULT) -> Provenance:
    """How a shipped model was made.

    Raises:
        ValueError: for an unknown name, listing the known ones; or if its record is damaged.
        FileNotFoundError: if it has none.
    """
    path = folder(name) / RECORD
    return Provenance.from_json(path.read_text(encoding="utf-8"), where=str(path))


def located(run: Path | str) -> Path:
    """The folder that a command line's word means: that folder, or a shipped model's, by its name.

    Of a folder of stages (``train --progressive``) it is that of the last one.

    Raises:
        FileNotFoundError: where it is neither, listing the known names.
    """
    if Path(run).exists():
        from vtonlib.presets import STAGES

        last = Path(run) / STAGES[-1]
        return last if (last / "config.json").is_file() and not (Path(run) / "config.json").exists() else Path(run)
    if str(run) in ALL:
        return folder(str(run))
    known = ", ".join(ALL)
    raise FileNotFoundError(f"{run}: neither a folder nor the name of a shipped model ({known})")


def shipped(run: Path) -> str:
    """The name of the shipped model that lies in ``run``; an empty text if none does."""
    return run.name if run.resolve().parent == WEIGHTS.resolve() and run.name in ALL else ""
