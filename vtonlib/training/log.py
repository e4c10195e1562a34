"""What training says: JSON lines in a file, and a progress bar."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from vtonlib.disk import flush, replace_text


def read_log(path: Path | str) -> list[dict[str, Any]]:
    """The records of a log, in order. A last line that was cut off while being written is left out.

    Raises:
        ValueError: naming the file, and any other line that is not a JSON object with a ``step``.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not text ({error})") from None
    complete = lines[:-1]  # what follows the last line break is empty, or torn
    records = []
    for number, line in enumerate(complete, start=1):
        try:
            record = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"{path}, line {number}: not JSON ({error})") from None
        if not isinstance(record, dict) or not isinstance(record.get("step"), int):
            raise ValueError(f"{path}, line {number}: expected an object with a whole 'step', found {line[:40]!r}")
        records.append(record)
    return records


class TrainLog:
    """``log.jsonl``: one line for each logged step of a phase, and one for each event, such as a start."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def truncate(self, step: int) -> None:
        """Forget what was logged after ``step``, because those steps will be done again."""
        if self.path.exists():
            kept = [record for record in read_log(self.path) if record["step"] <= step]
            replace_text(self.path, "".join(map(_line, kept)))

    def write(self, *records: Mapping[str, Any]) -> None:
        """Append records, each with a ``step``."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(map(_line, records)))

    def keep(self) -> None:
        """Wait until what was written is on the disk: a checkpoint must not outlast the lines before it."""
        if self.path.exists():
            flush(self.path)


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, allow_nan=False) + "\n"


class Progress:
    """The bar (loss, images/s, remaining time), the clock, and what has not been logged yet.

    Only the process that was given a log writes and shows anything. ``TQDM_DISABLE=1`` hides the bar.
    """

    def __init__(self, log: TrainLog | None, *, step: int, steps: int, elapsed: float) -> None:
        self.log, self.images, self.pending = log, 0, dict[str, dict[str, Any]]()
        hidden = log is None or os.environ.get("TQDM_DISABLE", "") not in {
            "",
            "0",
        }  # tqdm's bar of notebooks ignores it
        self.bar = tqdm(total=steps, initial=step, unit="step", dynamic_ncols=True, disable=hidden)
        self.mark = time.monotonic()
        self.start = self.mark - elapsed

    @property
    def elapsed(self) -> float:
        """Seconds of training, over all restarts."""
        return time.monotonic() - self.start

    def note(self, phase: str, record: dict[str, Any]) -> None:
        """Remember the last update of a phase until :meth:`flush`."""
        self.pending.pop(phase, None)  # so that the records stay in order of time
        self.pending[phase] = record

    def advance(self, images: int) -> None:
        """One step is done."""
        self.images += images
        self.bar.update()

    def flush(self) -> None:
        """Log what was noted."""
        if not self.pending:
            return
        now = time.monotonic()
        rate = self.images / max(now - self.mark, 1e-9)
        times = {"images_per_second": round(rate, 2), "elapsed": round(self.elapsed, 3)}
        if self.log is not None:
            self.log.write(*({**record, **times} for record in self.pending.values()))
        losses = ", ".join(f"{phase} {record['loss']:.4g}" for phase, record in self.pending.items())
        self.bar.set_postfix_str(f"{losses}, {rate:.0f} images/s", refresh=False)
        self.images, self.mark = 0, now
        self.pending.clear()

    def close(self) -> None:
        """Leave the bar as it stands."""
        self.bar.close()
