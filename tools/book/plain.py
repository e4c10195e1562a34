"""The plain form of a notebook's text: CommonMark, mathematics and simple HTML, which every reader of notebooks shows.

What the site needs to know is carried by ordinary means: an anchor before a heading or an equation is its label, the
address of a link says what it refers to, a comment behind a number names the record that it comes from, and a block
quote whose first line is bold is a box. book/authoring.md is the author's side of it; tools.book.myst makes MyST of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tools.site import published

FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,})[^\n]*\n.*?^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)\1(?!`)", re.DOTALL)
MATH = re.compile(r"\$\$.*?\$\$|(?<![\\$])\$(?![\s$])(?:(?!\n\s*\n)[^$])+(?<![\s\\])\$", re.DOTALL)
ANCHOR = re.compile(r'^<a id="(?P<label>[\w-]+)"></a>$', re.MULTILINE)
EQUATION = re.compile(
    r'^<a id="(?P<label>eq-[a-z0-9-]+)"></a>\n\n\$\$\n(?P<body>(?:(?!\$\$).)*?)(?:\s*\\tag\{(?P<tag>[^{}]*)\})?\n\$\$$',
    re.MULTILINE | re.DOTALL,
)
DISPLAYED = re.compile(r"\$\$(?P<body>.*?)\$\$", re.DOTALL)
LINK = re.compile(r"(?<!!)\[(?P<text>(?:(?!\n\s*\n)[^\[\]])*)\]\((?P<href>[^()\s]+)\)")
VALUE = re.compile(r"(?P<text>[-+\u2212]?[\w.?](?:[^\s<>()\[\]|*]|\u00a0)*)<!--(?P<target>[A-Za-z]\w*)-->")
COMMENT = re.compile(r"<!--\w+-->")
BOX = re.compile(r"^> \*\*(?P<title>[^*\n]+)\*\*[ \t]*\n(?P<body>(?:>[^\n]*(?:\n|\Z))*)", re.MULTILINE)
KINDS = (
    ("equation", r"(?:[\w-]+\.ipynb)?#(eq-[a-z0-9-]+)"),
    ("section", r"(?:[\w-]+\.ipynb)?#([\w-]+)"),
    ("notebook", r"([\w-]+)\.ipynb"),
    ("claim", r"SITE/book/claims\.html#([a-z][\w.-]*)"),
    ("run", r"SITE/book/status\.html#(\w+)"),
    ("paper", r"SITE/book/bibliography\.html#([\w-]+)"),
    ("box", r"SITE/book/ledger\.html#d(\d+)"),
    ("api", r"SITE/book/api(?:/\w+)?\.html#(?:module-)?(vtonlib[\w.]*)"),
    ("section", r"SITE/[\w/-]+\.html#([\w-]+)"),
    ("page", r"SITE/([\w/-]+)\.html"),
)
"""What a link refers to, by its address; SITE is the published site. The group is the target."""
FILLED = {"equation", "claim", "run", "value"}
"""References whose text the tools write."""


@dataclass(frozen=True)
class Reference:
    """A link or a number in the text: what it refers to, and what it says."""

    kind: str
    target: str
    text: str
    href: str
    start: int
    end: int


@dataclass(frozen=True)
class Box:
    """A block quote with a bold title."""

    title: str
    body: str
    start: int
    end: int


def masked(text: str, *, math: bool = True) -> str:
    """``text``, equally long, with code (and mathematics) blanked out: what is found in it is neither."""
    for pattern in (FENCE, SPAN, MATH) if math else (FENCE, SPAN):
        text = pattern.sub(lambda match: re.sub(r"[^\n]", "\0", match[0]), text)
    return text


def classified(href: str) -> tuple[str, str]:
    """What an address refers to: a kind and a target; ("other", address) for what is not of this book."""
    for kind, pattern in KINDS:
        if match := re.fullmatch(pattern.replace("SITE/", re.escape(published())), href):
            return kind, match[1]
    return "other", href


def references(text: str) -> Iterator[Reference]:
    """The links and numbers of a text, in their order."""
    visible = masked(text)
    found = []
    for match in LINK.finditer(visible):
        kind, target = classified(match["href"])
        said = text[slice(*match.span("text"))]
        found.append(Reference(kind, target, said, match["href"], *match.span()))
    for match in VALUE.finditer(visible):
        found.append(Reference("value", match["target"], match["text"], "", *match.span()))
    yield from sorted(found, key=lambda reference: reference.start)


def replaced(text: str, write: Callable[[Reference], str | None]) -> str:
    """``text`` with each reference written anew; None leaves one as it is."""
    parts, last = [], 0
    for reference in references(text):
        new = write(reference)
        parts += [text[last : reference.start], text[reference.start : reference.end] if new is None else new]
        last = reference.end
    return "".join([*parts, text[last:]])


def boxes(text: str) -> list[Box]:
    """The boxes of a text, with their bodies as text of its own."""
    found = []
    for match in BOX.finditer(masked(text)):
        body = re.sub(r"^> ?", "", text[slice(*match.span("body"))], flags=re.MULTILINE)
        found.append(Box(text[slice(*match.span("title"))], body.strip("\n"), *match.span()))
    return found


def labels(text: str) -> list[str]:
    """The anchors of a text."""
    return [match["label"] for match in ANCHOR.finditer(masked(text))]


def without_quotes(text: str) -> str:
    """``text`` without numbers that come from records: what is left was typed."""
    return COMMENT.sub("", replaced(text, lambda r: "" if r.kind in FILLED else None))
