"""What made a notebook's stored outputs: its code, the sources of vtonlib that it uses, and torch's minor version."""

from __future__ import annotations

import json
import re
from typing import Any

from tools.book.page import Page
from tools.book.setup_cell import chapter_imports
from tools.book.sources import bare, hashes, short_hash, used_modules
from tools.shell import ROOT, write

KEY = "vton"
RUNS = ROOT / "results" / "notebooks.json"


def pinned_torch() -> str:
    """The minor version of torch that requirements.txt pins."""
    match = re.search(r"^torch==(\d+\.\d+)", (ROOT / "requirements.txt").read_text(encoding="utf8"), flags=re.MULTILINE)
    if not match:
        raise SystemExit("requirements.txt: expected a line torch==...")
    return match[1]


def provenance(page: Page) -> dict[str, Any]:
    """What the outputs of ``page`` would be made from now. Of the setup cell only the chapter's imports count."""
    code = [chapter_imports(cell.source) if "setup" in cell.tags else cell.source for cell in page.code]
    modules = used_modules(code)
    return {"code": [short_hash(bare(source)) for source in code], "sources": hashes(modules), "torch": pinned_torch()}


def stale(page: Page) -> list[str]:
    """What changed since the outputs of ``page`` were stored."""
    stored, now = page.metadata.get(KEY), provenance(page)
    if not stored:
        return ["its outputs have no provenance"]
    found = []
    if stored["code"] != now["code"]:
        cells = [cell.number for cell in page.code]
        same = [a == b for a, b in zip(stored["code"], now["code"], strict=False)]
        first = same.index(False) if False in same else len(same)
        found.append(f"code changed from cell {cells[first]} on" if first < len(cells) else "code cells were deleted")
    was, is_ = stored["sources"], now["sources"]
    changed = [name for name in sorted(was.keys() | is_.keys()) if was.get(name) != is_.get(name)]
    found += [f"{', '.join(changed)} changed"] if changed else []
    if stored["torch"] != now["torch"]:
        found.append(f"torch {stored['torch']} made them, {now['torch']} is pinned")
    return found


def problems(page: Page) -> list[str]:
    """Why the stored outputs cannot be trusted."""
    command = f"run: python3 -m tools run {page.name}.ipynb"
    found = [f"stale outputs: {reason}; {command}" for reason in stale(page)] if page.code else []
    if page.code and page.name not in runs():
        found.append(f"results/notebooks.json does not know it; {command}")
    return found


def runs() -> dict[str, dict[str, Any]]:
    """Date, versions and run time of each notebook's last run, by its name."""
    return json.loads(RUNS.read_text(encoding="utf8")) if RUNS.exists() else {}


def remember(name: str, record: dict[str, Any]) -> None:
    """Store what is known of the last run of a notebook. It stays out of the notebook, which two runs leave alike."""
    known = runs()
    if name in known and abs(known[name]["seconds"] - record["seconds"]) <= 0.3 * known[name]["seconds"]:
        record = {**record, "seconds": known[name]["seconds"]}  # a busy machine is no news
    known[name] = record
    write(RUNS, json.dumps(dict(sorted(known.items())), indent=1) + "\n")
