"""The course: eight sessions, all chapters, and exercises that there are."""

from __future__ import annotations

import re

from tools.book import anatomy
from tools.book.page import all_pages
from tools.shell import ROOT

TEXT = (ROOT / "book" / "teaching.md").read_text(encoding="utf8")
SESSIONS = re.split(r"^### \d ", TEXT.partition("## A page on a fault")[0], flags=re.MULTILINE)[1:]
EXERCISE = re.compile(r"\{exercise\}`([\d.]+)`")


def test_every_session_has_its_parts() -> None:
    assert len(SESSIONS) == 8
    for session in SESSIONS:
        for part in ("Aim", "Before", "Run", "Board", "Discuss", "Fault of the week"):
            assert f"**{part}.**" in session, (session.partition("\n")[0], part)
        assert "What people think" in " ".join(session.replace("*", "").split())


def test_exercises_are_the_book_s_and_have_a_time() -> None:
    known = anatomy.named_exercises(all_pages())
    assert set(EXERCISE.findall(TEXT)) <= set(known)
    timed = re.findall(r"^\| \{exercise\}`([\d.]+)`[^|]*\| (\d+) \|$", TEXT, re.MULTILINE)
    assert len(timed) == len({number for number, _ in timed}) >= 40
    for session in SESSIONS:
        minutes = [int(time) for _, time in re.findall(r"^\| \{exercise\}`([\d.]+)`[^|]*\| (\d+) \|$", session, re.M)]
        assert 5 <= len(minutes) and 60 <= sum(minutes) <= 300


def test_a_session_s_faults_are_code_to_debug() -> None:
    known = anatomy.named_exercises(all_pages())
    for session in SESSIONS:
        fault = session.partition("**Fault of the week.**")[2]
        named = EXERCISE.findall(fault)
        assert all("(debug)" in known[number][2] for number in named) and (named or "debugging lab" in fault)
