"""Lines of notebooks' text that fit a narrow screen: paragraphs with longer ones are set anew."""

from __future__ import annotations

import re

from tools.book import plain

WIDTH = 79
START = re.compile(r"^(?P<quote>(?:> ?)*)(?P<indent> *)(?P<mark>(?:[-*+]|\d+[.)]) +)?(?P<rest>\S.*)$")
NO_PROSE = re.compile(r"(?:#{1,6} |\||<|\$\$|`{3,}|~{3,}|:{3,}|---|===|\0+$|!\[|\[!\[)")
LIKE_A_BLOCK = re.compile(r"(?:[-+*=>|#]+|\d+[.)])$|[<>|#]|:::")


def wrapped(text: str) -> str:
    """``text``, where every paragraph or list item with a line over 79 characters is broken anew between words."""
    visible = plain.LINK.sub(lambda m: re.sub(r"[^\n]", "\1", m[0]), plain.masked(text))
    lines, hidden = text.split("\n"), visible.split("\n")
    done, at = [], 0
    while at < len(lines):
        end = _paragraph(hidden, at)
        if max(map(len, lines[at:end])) > WIDTH and prose(hidden[at]):
            done += _broken(lines[at:end], hidden[at:end])
        else:
            done += lines[at:end]
        at = end
    return "\n".join(done)


def prose(line: str) -> bool:
    """Whether a line starts a paragraph or an item of a list."""
    match = START.match(line)
    return bool(match and not NO_PROSE.match(match["rest"]))


def _paragraph(lines: list[str], at: int) -> int:
    """Where the paragraph that starts at a line ends."""
    first = START.match(lines[at])
    end = at + 1
    if not first or not prose(lines[at]):
        return end
    while end < len(lines) and (match := START.match(lines[end])) and prose(lines[end]):
        if match["mark"] or match["quote"].strip() != first["quote"].strip():
            break
        end += 1
    return end


def _broken(lines: list[str], hidden: list[str]) -> list[str]:
    first = START.match(hidden[0])
    assert first
    head = hidden[0][: first.start("rest")]
    follow = first["quote"] + " " * (len(head) - len(first["quote"]))
    words: list[str] = []
    for line, masked in zip(lines, hidden, strict=True):
        start = START.match(masked)
        assert start
        words += _words(line[start.start("rest") :], masked[start.start("rest") :])
    done, current = [], head + words[0]
    for word in words[1:]:
        if len(current) + 1 + len(word) > WIDTH and not LIKE_A_BLOCK.match(word):
            done.append(current)
            current = follow + word
        else:
            current += f" {word}"
    return [*done, current]


def _words(line: str, masked: str) -> list[str]:
    """The words of a line; code, mathematics and links count as one."""
    places = [match.span() for match in re.finditer(r"[^ ]+", masked)]
    return [line[slice(*span)] for span in places]
