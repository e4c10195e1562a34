"""The repository's root, running commands in it, and fingerprints of files."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def call(*command: object, env: dict[str, str] | None = None, quiet: bool = False) -> None:
    """Run ``command`` in the root with ``env`` added to the environment; leave with its exit status if it fails."""
    if not quiet:
        print("+", *(shown(part) for part in command), flush=True)
    status = subprocess.call([str(part) for part in command], cwd=ROOT, env={**os.environ, **(env or {})})
    if status:
        print(f"tools: failed with status {status}:", *(shown(part) for part in command), file=sys.stderr, flush=True)
        sys.exit(status if status > 0 else 128 - status)


def output(*command: object) -> str:
    """What ``command`` prints; an empty text if it fails."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def shown(part: object) -> str:
    """A word of a command as a reader would type it: interpreters by name, paths relative to the root."""
    if "\n" in str(part):
        return "'...'"
    path = Path(str(part))
    if path.is_absolute() and path.name.startswith("python"):
        return "python"
    return str(path.relative_to(ROOT)) if path.is_absolute() and path.is_relative_to(ROOT) else str(part)


def fingerprint(words: Iterable[object], files: Iterable[Path]) -> str:
    """A hash of ``words``, and of the files' names and contents; folders stand for all files below them."""
    digest = hashlib.sha256("\0".join(map(str, words)).encode())
    for file in sorted(set(_expand(files))):
        name = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file.name
        digest.update(f"\0{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _expand(files: Iterable[Path]) -> Iterable[Path]:
    for file in files:
        if file.is_dir():
            yield from (
                f for f in file.rglob("*") if f.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & {*f.parts}
            )
        elif file.exists():
            yield file


def write(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf8")
    os.replace(part, path)
